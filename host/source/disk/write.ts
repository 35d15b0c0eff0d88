/** Node, Deno and Bun only. */
import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { type FileHandle, mkdir, open, realpath, rename, rm, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { WkvError } from "../../errors.ts";
import { megabytes } from "../megabytes.ts";

/** Codes of the system for a disk that is full, a quota that is used up, and a file that may not grow. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * Writes a file of `size` bytes, so that there is the old content or the new one at its path whenever the program or the
 * machine stops: the bytes go to a new file beside it and to the disk, and then the name is moved. What a kill leaves
 * behind is a file PATH.xxxxxxxx.tmp.
 * @throws WkvError `no-space` when the disk is full, `not-saved` when it cannot be written or is no file; the old file is
 *   then as it was
 */
export async function saveFile(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  size: number,
): Promise<void> {
  let temporary: string | undefined;
  try {
    // A link stays a link, and a file keeps its permissions.
    const target = await realpath(path).catch(() => path);
    const found = await stat(target).catch(() => undefined);
    if (found && !found.isFile()) throw notReplaced(path, found);
    await checkSpace(dirname(target), size);
    temporary = `${target}.${randomBytes(4).toString("hex")}.tmp`;
    const handle = await open(temporary, "wx", found?.mode);
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
    await rename(temporary, target);
    await syncFolder(dirname(target));
  } catch (error) {
    if (temporary) await rm(temporary, { force: true }).catch(() => {});
    throw diskError(error, path);
  }
}

/** Renaming a file over a device would replace the device. */
function notReplaced(path: string, found: Stats): WkvError {
  const kinds: [isOne: boolean, name: string][] = [
    [found.isDirectory(), "directory"],
    [found.isFIFO(), "pipe"],
    [found.isSocket(), "socket"],
  ];
  const kind = kinds.find(([isOne]) => isOne)?.[1] ?? "device";
  return new WkvError("not-saved", `${path} is a ${kind}, and only files are written: give the path of a file.`);
}

/** Makes a new name last through a loss of power. Windows cannot open a folder, and does not need to. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  try {
    await folder?.sync().catch(() => {});
  } finally {
    await folder?.close();
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
    throw new WkvError(
      "no-space",
      `${folder} has ${megabytes(bavail * bsize)} free, but ${megabytes(size)} are needed: free some.`,
    );
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
  return new WkvError("not-saved", `${path} cannot be written (${code}): check the path, the disk and permissions.`, {
    cause: error,
  });
}
