/** Files and folders of a page's own file system. */
import { WkvError } from "../../errors.ts";

/** Bytes hashed per turn of the page's event loop: about 10 ms. */
const HASHED_AT_ONCE = 2 << 20;

export type Directory = FileSystemDirectoryHandle;

export async function fileOf(directory: Directory, name: string): Promise<File> {
  return (await directory.getFileHandle(name)).getFile();
}

/** Undefined if there is no such file. */
export function readText(directory: Directory, name: string): Promise<string | undefined> {
  return fileOf(directory, name).then(
    (file) => file.text(),
    () => undefined,
  );
}

/** Names of a folder's subfolders. */
export async function foldersIn(directory: Directory): Promise<string[]> {
  const names: string[] = [];
  for await (const handle of directory.values()) if (handle.kind === "directory") names.push(handle.name);
  return names;
}

/** A folder, created if missing. */
export function folderIn(directory: Directory, name: string): Promise<Directory> {
  return directory.getDirectoryHandle(name, { create: true }).catch((error) => {
    throw quotaError(error);
  });
}

export async function write(directory: Directory, name: string, text: string): Promise<void> {
  try {
    const writable = await (await directory.getFileHandle(name, { create: true })).createWritable();
    await writable.write(text);
    await writable.close();
  } catch (error) {
    throw quotaError(error);
  }
}

export async function bytesBelow(directory: Directory): Promise<number> {
  let sum = 0;
  for await (const handle of directory.values())
    sum +=
      handle.kind === "directory"
        ? await bytesBelow(handle as Directory)
        : (await (handle as FileSystemFileHandle).getFile()).size;
  return sum;
}

export async function sha256Of(file: Blob, onProgress = (_: number) => {}, signal?: AbortSignal): Promise<string> {
  const { Sha256 } = await import("../net/sha256.ts");
  const digest = new Sha256();
  for (let at = 0; at < file.size; at += HASHED_AT_ONCE) {
    signal?.throwIfAborted();
    digest.update(new Uint8Array(await file.slice(at, at + HASHED_AT_ONCE).arrayBuffer()));
    onProgress(Math.min(at + HASHED_AT_ONCE, file.size));
  }
  return digest.digest();
}

export function quotaError(error: unknown): unknown {
  if ((error as DOMException)?.name !== "QuotaExceededError") return error;
  return new WkvError("no-space", "The browser's quota for this site is used up: free some space.", { cause: error });
}
