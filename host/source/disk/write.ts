/** Node, Deno and Bun only. */
import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { type FileHandle, mkdir, open, readlink, realpath, rename, rm, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { WkvError } from "../../errors.ts";
import { megabytes } from "../megabytes.ts";

/** System codes for a full disk, an exhausted quota, and a file size limit. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * Writes a file of `size` bytes atomically: whenever the program or the machine stops, its path has the old content or
 * the new. The bytes are written to a new file next to it and flushed to disk, then the file is renamed. A killed
 * process may leave a file PATH.xxxxxxxx.tmp.
 * @throws WkvError `no-space` if the disk is full, `not-saved` if it cannot be written or is not a regular file; the
 *   old file is then unchanged
 */
export async function saveFile(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  size: number,
): Promise<void> {
  let temporary: string | undefined;
  try {
    // A link stays a link, and the file keeps its permissions.
    const target = await realpath(path).catch(() => linked(path));
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

/** Where a link leads that has no file yet; the path itself, if it is no link. */
async function linked(path: string): Promise<string> {
  const target = await readlink(path).catch(() => undefined);
  return target === undefined ? path : resolve(dirname(path), target);
}

/** Renaming over a device would replace the device. */
function notReplaced(path: string, found: Stats): WkvError {
  const kinds: [isOne: boolean, name: string][] = [
    [found.isDirectory(), "directory"],
    [found.isFIFO(), "pipe"],
    [found.isSocket(), "socket"],
  ];
  const kind = kinds.find(([isOne]) => isOne)?.[1] ?? "device";
  return new WkvError("not-saved", `${path} is a ${kind}; only regular files are written: give the path of a file.`);
}

/** Makes a rename survive a loss of power. Windows cannot open a folder, and does not need this. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  try {
    await folder?.sync().catch(() => {});
  } finally {
    await folder?.close();
  }
}

/** Writes all of `bytes` at byte `offset`: one call may write fewer. */
export async function writeAt(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
}

/** @throws WkvError `no-space` if a file of `size` bytes does not fit into this user's free space */
export async function checkSpace(folder: string, size: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (size > bavail * bsize)
    throw new WkvError(
      "no-space",
      `${folder} has ${megabytes(bavail * bsize)} free, but ${megabytes(size)} are needed: free some.`,
    );
}

/** Creates a folder and its parents. @throws WkvError if that fails */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw diskError(error, folder);
  });
}

/** A system error of a write, as a WkvError; other errors are returned unchanged. */
export function diskError(error: unknown, path: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof WkvError || code === undefined || syscall === undefined) return error;
  if (FULL.has(code))
    return new WkvError("no-space", `The disk or your quota is full (${code}) at ${path}: free some space.`, {
      cause: error,
    });
  return new WkvError("not-saved", `${path} cannot be written (${code}): check the path, the disk and permissions.`, {
    cause: error,
  });
}
