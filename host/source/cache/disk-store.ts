// The cache on disk, for Node, Deno and Bun.
//
//   CACHE/models/NAME-HASH/         one folder per address
//     wkv.json                      written when all files are complete (a CacheRecord)
//     PATH                          complete files, renamed into place
//     .parts/                       while something is missing
//       address                     the address of this folder
//       KEY/                        a partial file without an owner: `data`, and `done`, the numbers of complete chunks
//       KEY.OWNER/                  the same, while its owner is writing
//
// KEY names the file and its version, so bytes of two versions never mix. A part is acquired and released by renaming
// its folder, which only one process can. A live owner touches its folder.
import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { WkvError } from "../../errors.ts";
import { fileSource } from "../disk/file.ts";
import { checkSpace, diskError, makeFolder, saveFile, writeAt } from "../disk/write.ts";
import { cacheFolder } from "./cache-folder.ts";
import { RECORD, recordStore, shortHash } from "./records.ts";
import type { CachedFile, Folder, Part, Store } from "./store.ts";

const PARTS = ".parts";
/** An owner that has not touched its part for this long is dead. */
const DEAD_AFTER_MS = 30_000;
const TOUCH_EVERY_MS = 5_000;
const POLL_EVERY_MS = 200;
const HASH_READ = 4 << 20;

/** @param directory default: `wkv` in the user's cache directory (XDG) */
export async function diskStore(directory?: string): Promise<Store> {
  const root = join(directory ?? (await cacheFolder()), "models");
  return recordStore({
    list: () => readdir(root).catch(() => []),
    readText: (folder, name) => readFile(join(root, folder, name), "utf8").catch(() => undefined),
    addressFile: `${PARTS}/address`,
    hasFile: (folder, file) => hasFile(join(root, folder), file),
    bytesOf: (folder) => bytesBelow(join(root, folder)),
    pathOf: (folder) => join(root, folder),
    remove: (folder) => rm(join(root, folder), { recursive: true, force: true }),
    open: async (folder, address) => diskFolder(join(root, folder), address),
  });
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map((file) => stat(join(file.parentPath ?? file.path, file.name)).catch(() => undefined)),
  );
  return sizes.reduce((sum, found) => sum + (found ? found.blocks * 512 : 0), 0);
}

async function hasFile(folder: string, { path, size }: CachedFile): Promise<boolean> {
  const found = await stat(join(folder, path)).catch(() => undefined);
  return found?.isFile() === true && found.size === size;
}

function diskFolder(folder: string, address: string): Folder {
  return {
    source: (path) => fileSource(join(folder, path)),
    bytes: (path) => readFile(join(folder, path)).catch(() => undefined),
    has: async (file) =>
      (await hasFile(folder, file)) && (await sha256OfFile(join(folder, file.path), file.size)) === file.sha256,
    async checkSpace(bytes) {
      await makeFolder(folder);
      await checkSpace(folder, bytes);
    },
    async begin({ path, size }, identity, signal) {
      await makeFolder(join(folder, PARTS));
      const bytes = new TextEncoder().encode(address);
      await saveFile(join(folder, PARTS, "address"), [bytes], bytes.length);
      return beginPart(folder, path, size, identity, signal);
    },
    discard: () => rm(folder, { recursive: true, force: true }),
    async finish(kept) {
      const json = new TextEncoder().encode(JSON.stringify(kept, undefined, 2));
      await saveFile(join(folder, RECORD), [json], json.length);
      await rm(join(folder, PARTS), { recursive: true, force: true });
    },
  };
}

async function beginPart(
  folder: string,
  path: string,
  size: number | undefined,
  identity: string,
  signal?: AbortSignal,
): Promise<Part | undefined> {
  const parts = join(folder, PARTS);
  const key = `${await shortHash(path)}${await shortHash(identity)}`;
  const own = join(parts, `${key}.${process.pid}-${await shortHash(hostname())}-${randomUUID()}`);
  for (let hasWaited = false; ; hasWaited = true) {
    signal?.throwIfAborted();
    if (hasWaited && size !== undefined && (await hasFile(folder, { path, size }))) return undefined;
    const all = (await readdir(parts).catch(() => [])).filter((name) => name === key || name.startsWith(`${key}.`));
    const free = await firstFree(parts, all);
    if (free && (await takes(join(parts, free), own))) return openPart(folder, path, own, join(parts, key));
    if (all.length === 0) {
      await makeFolder(own);
      return openPart(folder, path, own, join(parts, key));
    }
    if (!free) await sleep(POLL_EVERY_MS, undefined, signal ? { signal } : {}).catch(() => {});
  }
}

/** The first without an owner, or with a dead one. */
async function firstFree(parts: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (!name.includes(".") || (await isDead(join(parts, name)))) return name;
  return undefined;
}

async function isDead(part: string): Promise<boolean> {
  const [pid, host] = basename(part).split(".")[1]?.split("-") ?? [];
  if (host === (await shortHash(hostname())) && !isRunning(Number(pid))) return true;
  const found = await stat(part).catch(() => undefined);
  return found === undefined || Date.now() - found.mtimeMs > DEAD_AFTER_MS;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** False if another process was faster. */
async function takes(free: string, own: string): Promise<boolean> {
  const now = new Date();
  await utimes(free, now, now).catch(() => {}); // before the rename: under our name it must not look dead
  return rename(free, own).then(
    () => true,
    () => false,
  );
}

async function openPart(folder: string, path: string, own: string, free: string): Promise<Part> {
  const data = await openData(join(own, "data"));
  const done = await readDone(join(own, "done"));
  const touch = setInterval(() => utimes(own, new Date(), new Date()).catch(() => {}), TOUCH_EVERY_MS);
  touch.unref();
  const log = await open(join(own, "done"), "a");
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    clearInterval(touch);
    await Promise.all([data.close(), log.close()]);
  };
  const orDiskError = async <T>(work: Promise<T>): Promise<T> =>
    work.catch((error) => {
      throw diskError(error, join(folder, path));
    });
  return {
    done,
    write: (bytes, offset) => orDiskError(writeAt(data, bytes, offset)),
    async mark(number) {
      await orDiskError(data.datasync());
      await orDiskError(log.appendFile(`${number}\n`));
    },
    async restart() {
      await orDiskError(Promise.all([log.truncate(), data.truncate()]));
      done.clear();
    },
    sha256: (size, onProgress, signal) => sha256(data, size, onProgress, signal),
    async commit(size) {
      await orDiskError(data.truncate(size));
      await orDiskError(data.sync());
      await close();
      await makeFolder(dirname(join(folder, path)));
      await rename(join(own, "data"), join(folder, path)).catch(async (error) => {
        // This process was suspended for so long that another one took the part, and may have completed it.
        if (!(await hasFile(folder, { path, size }))) throw takenOver(error, path);
      });
      await rm(own, { recursive: true, force: true });
    },
    async release() {
      await close();
      await rename(own, free).catch(() => rm(own, { recursive: true, force: true }));
    },
    async discard() {
      await close();
      await rm(own, { recursive: true, force: true });
    },
  };
}

async function openData(path: string): Promise<FileHandle> {
  return open(path, "r+").catch(() =>
    open(path, "wx+").catch((error) => {
      throw diskError(error, path);
    }),
  );
}

/** An unfinished line, left by a power cut, is ignored. */
async function readDone(path: string): Promise<Set<number>> {
  const text = await readFile(path, "utf8").catch(() => "");
  return new Set(
    text
      .split("\n")
      .slice(0, -1)
      .filter((line) => /^\d+$/.test(line))
      .map(Number),
  );
}

function takenOver(error: unknown, path: string): unknown {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") return diskError(error, path);
  return new WkvError("network", `Another program has taken over the download of ${path}: try again.`, {
    cause: error,
  });
}

async function sha256OfFile(path: string, size: number): Promise<string> {
  const handle = await open(path, "r");
  try {
    return await sha256(handle, size, () => {});
  } finally {
    await handle.close();
  }
}

async function sha256(
  data: FileHandle,
  size: number,
  onProgress: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<string> {
  const digest = createHash("sha256");
  const buffer = new Uint8Array(Math.min(HASH_READ, size));
  for (let at = 0; at < size; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await data.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) break;
    digest.update(buffer.subarray(0, bytesRead));
    onProgress((at += bytesRead));
  }
  return digest.digest("hex");
}
