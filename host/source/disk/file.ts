import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { WkvError } from "../../errors.ts";
import { checkRange, type Source } from "../source.ts";
import { modelFileIn } from "./folder.ts";

/** Does not wait for a writer if the path is a pipe, which is refused. Windows has no such flag. */
const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Runtimes read at most 2 GiB - 1 bytes at once. */
const MAX_READ = 2 ** 30;

/**
 * A file on disk, for Node, Deno and Bun. Reads go straight into their target, including views of shared WebAssembly
 * memory, and do not block a JavaScript thread. For a folder, the model file in it: see folder.ts.
 * @throws WkvError `not-found` if nothing exists there; `bad-file` for an empty or unreadable file, and for a folder
 *   with no model file or several
 */
export async function fileSource(path: string): Promise<Source> {
  const inFolder = await modelFileIn(path);
  return openSourceAt(inFolder ?? path);
}

async function openSourceAt(path: string): Promise<Source> {
  const handle = await openFile(path);
  try {
    const stat = await handle.stat();
    if (stat.isDirectory()) throw bad(path, "is a directory: give the model file inside it.");
    if (!stat.isFile()) throw bad(path, "is not a regular file: copy its content to a file and give that.");
    if (stat.size === 0) throw bad(path, "is empty: fetch the file again.");
    return handleSource(path, handle, stat.size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function handleSource(name: string, handle: FileHandle, size: number): Source {
  const others: Source[] = [];
  return {
    name,
    size,
    async read(target, offset) {
      checkRange(name, size, offset, target.length);
      for (let done = 0; done < target.length; ) {
        const bytesRead = await readSome(name, handle, target, done, offset);
        if (bytesRead === 0)
          throw bad(name, `has shrunk to less than ${offset + target.length} bytes since it was opened.`);
        done += bytesRead;
      }
    },
    async close() {
      await Promise.all([handle.close(), ...others.map((other) => other.close())]);
    },
    async beside(file) {
      const other = await openSourceAt(join(dirname(name), file));
      others.push(other);
      return other;
    },
  };
}

async function readSome(
  name: string,
  handle: FileHandle,
  target: Uint8Array,
  done: number,
  offset: number,
): Promise<number> {
  try {
    const length = Math.min(target.length - done, MAX_READ);
    return (await handle.read(target, done, length, offset + done)).bytesRead;
  } catch (error) {
    throw bad(name, `cannot be read at byte ${offset + done} (${reason(error)}): check the disk.`, error);
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, READ_ONLY);
  } catch (error) {
    const code = reason(error);
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new WkvError("not-found", `${path} does not exist: check the path.`, { cause: error });
    if (code === "EISDIR") throw bad(path, "is a directory: give the model file inside it.", error);
    if (code === "EACCES" || code === "EPERM") throw bad(path, "is not readable: check the file's permissions.", error);
    throw bad(path, `cannot be opened (${code}): check the path.`, error);
  }
}

function bad(path: string, what: string, cause?: unknown): WkvError {
  return new WkvError("bad-file", `${path} ${what}`, { cause });
}

/** The system's code, such as EIO, if there is one. */
function reason(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}
