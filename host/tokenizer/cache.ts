// Node's modules are imported inside the functions: a bundler that inlines this file into one for browsers
// would otherwise lift them to the top of it.

/** Files by name in one directory. Failures are no errors: without a cache, things are downloaded again. */
export interface FileCache {
  /** Undefined when it is not there or cannot be read. */
  read(fileName: string): Promise<Uint8Array | undefined>;
  /** Whoever reads meanwhile sees the old file or the new one, never a part. */
  write(fileName: string, bytes: Uint8Array): Promise<void>;
}

/** @param directory made when something is written; default: `wkv` in the user's cache directory (XDG) */
export async function openFileCache(directory?: string): Promise<FileCache> {
  const fs = await import("node:fs/promises");
  const { join } = await import("node:path");
  const { randomUUID } = await import("node:crypto");
  const folder = directory ?? join(await userCacheDirectory(), "wkv");
  return {
    async read(fileName) {
      return fs.readFile(join(folder, fileName)).catch(() => undefined);
    },
    async write(fileName, bytes) {
      const temporary = join(folder, `.${fileName}.${randomUUID()}`);
      try {
        await fs.mkdir(folder, { recursive: true });
        await fs.writeFile(temporary, bytes);
        await fs.rename(temporary, join(folder, fileName));
      } catch {
        await fs.rm(temporary, { force: true }).catch(() => {});
      }
    },
  };
}

/** The XDG specification says to ignore a relative path. */
async function userCacheDirectory(): Promise<string> {
  const { isAbsolute, join } = await import("node:path");
  const { homedir } = await import("node:os");
  const configured = process.env.XDG_CACHE_HOME;
  return configured && isAbsolute(configured) ? configured : join(homedir(), ".cache");
}
