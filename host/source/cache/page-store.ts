// The cache in browsers: the origin's private file system.
//
//   wkv/NAME-HASH/                  one folder per address
//     wkv.json                      written when the download is complete: its contents (a CacheRecord), and where they
//     are
//     address                       the address of this folder
//     KEY/NUMBER                    a file's chunks; KEY names the file and its version
//
// Chunks stay separate files, so nothing is copied at the end, and a chunk exists completely or not at all: the browser
// replaces a file when it is closed. A model is read as a Blob of its chunks. One tab at a time writes, under a lock.
import { WkvError } from "../../errors.ts";
import { megabytes } from "../megabytes.ts";
import { blobSource, type Source } from "../source.ts";
import {
  bytesBelow,
  type Directory,
  fileOf,
  folderIn,
  foldersIn,
  quotaError,
  readText,
  sha256Of,
  write,
} from "./page-files.ts";
import { parseRecord, RECORD, recordStore, shortHash } from "./records.ts";
import type { CachedFile, CacheRecord, Folder, Part, Store } from "./store.ts";

const ROOT = "wkv";
const ADDRESS = "address";

/** A record, and the folder with each file's chunks. */
type PageRecord = CacheRecord & { readonly places?: Readonly<Record<string, string>> };

/** Undefined if there is no such file system, or the page may not use it. */
export async function pageStore(): Promise<Store | undefined> {
  const disk = await globalThis.navigator?.storage?.getDirectory?.().catch(() => undefined);
  if (!disk || !navigator.locks) return undefined;
  const root = await folderIn(disk, ROOT);
  const folderOf = (name: string) => root.getDirectoryHandle(name);
  return recordStore<PageRecord>({
    list: () => foldersIn(root),
    readText: (folder, name) =>
      folderOf(folder).then(
        (directory) => readText(directory, name),
        () => undefined,
      ),
    addressFile: ADDRESS,
    hasFile: async (folder, { path, size }, { places }) =>
      (await wholeFile(await folderOf(folder), places?.[path], path))?.size === size,
    bytesOf: async (folder) => bytesBelow(await folderOf(folder)),
    pathOf: (folder) => `${ROOT}/${folder}`,
    remove: (folder) => root.removeEntry(folder, { recursive: true }),
    open: async (folder, address) => new PageFolder(await folderIn(root, folder), address),
  });
}

/** A file assembled from its chunks; undefined if it has none. */
async function wholeFile(directory: Directory, key: string | undefined, name: string): Promise<File | undefined> {
  const chunks = key && (await directory.getDirectoryHandle(key).catch(() => undefined));
  if (!chunks) return undefined;
  const parts: File[] = [];
  for await (const handle of chunks.values()) {
    const file = await (handle as FileSystemFileHandle).getFile();
    if (file.size > 0) parts[Number(file.name)] = file;
  }
  return new File(
    Array.from(parts, (part) => part ?? new Blob()),
    name,
  );
}

class PageFolder implements Folder {
  readonly #directory: Directory;
  readonly #address: string;
  /** Folders with the chunks of complete files. */
  readonly #places = new Map<string, string>();

  constructor(directory: Directory, address: string) {
    this.#directory = directory;
    this.#address = address;
  }

  async source(path: string): Promise<Source> {
    const file = await this.#file(path);
    if (!file) throw new WkvError("not-found", `${path} is not in the cache of ${this.#address}.`);
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    return blobSource(file, path, (name) => this.source(folder + name));
  }

  async bytes(path: string): Promise<Uint8Array | undefined> {
    const file = await this.#file(path);
    return file && new Uint8Array(await file.arrayBuffer());
  }

  async has({ path, size, sha256 }: CachedFile & { sha256: string }): Promise<boolean> {
    const key = await keyOf(path, sha256);
    const file = await wholeFile(this.#directory, key, path);
    if (file?.size !== size || (await sha256Of(file)) !== sha256) return false;
    this.#places.set(path, key);
    return true;
  }

  async checkSpace(bytes: number): Promise<void> {
    const { quota = Infinity, usage = 0 } = await navigator.storage.estimate();
    if (bytes > quota - usage)
      throw new WkvError(
        "no-space",
        `The browser allows this site ${megabytes(quota - usage)} more, but ${megabytes(bytes)} are needed.`,
      );
  }

  async begin(
    { path, size, chunkBytes }: { path: string; size: number | undefined; chunkBytes: number },
    identity: string,
    signal?: AbortSignal,
  ): Promise<Part> {
    const key = await keyOf(path, identity);
    const unlock = await lock(`wkv ${this.#directory.name} ${key}`, signal);
    try {
      await write(this.#directory, ADDRESS, this.#address);
      const chunks = await folderIn(this.#directory, key);
      return new PagePart(
        chunks,
        await doneChunks(chunks, size, chunkBytes),
        chunkBytes,
        () => {
          this.#places.set(path, key);
          unlock();
        },
        unlock,
      );
    } catch (error) {
      unlock();
      throw error;
    }
  }

  async discard(): Promise<void> {
    this.#places.clear();
    for await (const name of this.#directory.keys()) await this.#directory.removeEntry(name, { recursive: true });
  }

  async finish(kept: CacheRecord): Promise<void> {
    const places = Object.fromEntries(this.#places);
    await write(this.#directory, RECORD, JSON.stringify({ ...kept, places } satisfies PageRecord));
    const used = new Set(this.#places.values());
    for await (const handle of this.#directory.values())
      if (handle.kind === "directory" && !used.has(handle.name))
        await this.#directory.removeEntry(handle.name, { recursive: true }).catch(() => {});
  }

  async #file(path: string): Promise<File | undefined> {
    const key =
      this.#places.get(path) ??
      parseRecord<PageRecord>((await readText(this.#directory, RECORD)) ?? "")?.places?.[path];
    return wholeFile(this.#directory, key, path);
  }
}

class PagePart implements Part {
  readonly done: Set<number>;
  readonly #chunks: Directory;
  readonly #chunkBytes: number;
  readonly #committed: () => void;
  readonly #unlock: () => void;
  /** Chunks being written, by number. */
  readonly #open = new Map<number, Promise<FileSystemWritableFileStream>>();
  /** The quota is used up: a partial download would block all further storage for the site, so it is deleted. */
  #isFull = false;

  constructor(chunks: Directory, done: Set<number>, chunkBytes: number, committed: () => void, unlock: () => void) {
    this.#chunks = chunks;
    this.done = done;
    this.#chunkBytes = chunkBytes;
    this.#committed = committed;
    this.#unlock = unlock;
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const number = Math.floor((offset + from) / this.#chunkBytes);
      const position = offset + from - number * this.#chunkBytes;
      const data = bytes.subarray(from, from + this.#chunkBytes - position) as Uint8Array<ArrayBuffer>;
      try {
        await (await this.#writable(number)).write({ type: "write", position, data });
      } catch (error) {
        throw this.#failure(error);
      }
      from += data.length;
    }
  }

  async mark(number: number): Promise<void> {
    const writable = this.#open.get(number);
    this.#open.delete(number);
    await (await writable)?.close().catch((error) => {
      throw this.#failure(error);
    });
  }

  async restart(): Promise<void> {
    await this.#abort();
    this.done.clear();
    for await (const name of this.#chunks.keys()) await this.#chunks.removeEntry(name);
  }

  async sha256(size: number, onProgress: (bytes: number) => void, signal?: AbortSignal): Promise<string> {
    for (const number of [...this.#open.keys()]) await this.mark(number);
    const parts = Array.from({ length: Math.ceil(size / this.#chunkBytes) }, (_, i) => fileOf(this.#chunks, String(i)));
    return sha256Of(new Blob(await Promise.all(parts)), onProgress, signal);
  }

  async commit(): Promise<void> {
    for (const number of [...this.#open.keys()]) await this.mark(number);
    this.#committed();
  }

  async release(): Promise<void> {
    if (this.#isFull) return this.discard();
    await this.#abort();
    this.#unlock();
  }

  async discard(): Promise<void> {
    await this.restart().catch(() => {});
    this.#unlock();
  }

  #failure(error: unknown): unknown {
    const failure = quotaError(error);
    this.#isFull ||= failure !== error;
    return failure;
  }

  #writable(number: number): Promise<FileSystemWritableFileStream> {
    const open = this.#open.get(number) ?? this.#create(number);
    this.#open.set(number, open);
    return open;
  }

  async #create(number: number): Promise<FileSystemWritableFileStream> {
    return (await this.#chunks.getFileHandle(String(number), { create: true })).createWritable();
  }

  async #abort(): Promise<void> {
    for (const open of this.#open.values()) await open.then((writable) => writable.abort()).catch(() => {});
    this.#open.clear();
  }
}

/** Chunks that were closed: the browser has stored them completely. */
async function doneChunks(chunks: Directory, size: number | undefined, chunkBytes: number): Promise<Set<number>> {
  const done = new Set<number>();
  if (size === undefined) return done;
  for await (const handle of chunks.values()) {
    const file = await (handle as FileSystemFileHandle).getFile();
    const number = Number(file.name);
    if (file.size === Math.min(chunkBytes, size - number * chunkBytes)) done.add(number);
  }
  return done;
}

/** Resolves when this tab alone holds the lock, with a function that releases it. */
function lock(name: string, signal?: AbortSignal): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const held = () => new Promise<void>((giveBack) => resolve(giveBack));
    navigator.locks.request(name, signal ? { signal } : {}, held).catch(reject);
  });
}

async function keyOf(path: string, identity: string): Promise<string> {
  return shortHash(`${path}\n${identity}`);
}
