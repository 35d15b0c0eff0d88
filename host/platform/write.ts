/** Node, Deno and Bun only. */
import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WkvError } from "../errors.ts";

/** Codes of the system for a disk that is full, a quota that is used up, and a file that may not grow. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * Writes a file of `size` bytes under a temporary name beside it and renames it when it is whole: whoever looks sees the
 * old file or the new one, never a part.
 * @throws WkvError `no-space` when the disk is full, `not-found` when the folder is not there or may not be written to
 */
export async function writeWhole(path: string, size: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  try {
    await checkSpace(dirname(path), size);
    const handle = await open(temporary, "wx");
    try {
      let at = 0;
      for await (const chunk of chunks) {
        await writeAt(handle, chunk, at);
        at += chunk.length;
      }
      await handle.sync(); // before the rename, or a power cut could leave the name without the content
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw diskError(error, path);
  }
}

/** Writes all of `bytes` at byte `offset`: one call may write less than it was given. */
export async function writeAt(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
}

/** @throws WkvError `no-space` when a file of `size` bytes does not fit into what is free for this user */
export async function checkSpace(folder: string, size: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (size > bavail * bsize)
    throw new WkvError("no-space", `${folder} has ${mb(bavail * bsize)} free, but ${mb(size)} are needed: free some.`);
}

/** A folder and those above it. @throws WkvError when it cannot be made */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw diskError(error, folder);
  });
}

/** What the system says about writing, as a WkvError; other errors stay as they are. */
export function diskError(error: unknown, path: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof WkvError || code === undefined || syscall === undefined) return error;
  if (FULL.has(code))
    return new WkvError("no-space", `The disk or your share of it is full (${code}) at ${path}: free some space.`, {
      cause: error,
    });
  return new WkvError("not-found", `${path} cannot be written (${code}): check that its folder is there and yours.`, {
    cause: error,
  });
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
