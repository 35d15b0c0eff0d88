// Node, Deno and Bun only.
import * as fs from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { saveFile } from "../platform/save.ts";

/** Files by name in one directory. Failures are no errors: without a cache, things are downloaded again. */
export interface FileCache {
  /** Undefined when it is not there or cannot be read. */
  read(fileName: string): Promise<Uint8Array | undefined>;
  /** Whoever reads meanwhile sees the old file or the new one, never a part. */
  write(fileName: string, bytes: Uint8Array): Promise<void>;
}

/** @param directory made when something is written; default: `wkv` in the user's cache directory (XDG) */
export function openFileCache(directory?: string): FileCache {
  const folder = directory ?? join(userCacheDirectory(), "wkv");
  return {
    async read(fileName) {
      return fs.readFile(join(folder, fileName)).catch(() => undefined);
    },
    async write(fileName, bytes) {
      try {
        await fs.mkdir(folder, { recursive: true });
        await saveFile(join(folder, fileName), bytes);
      } catch {
        // Then there is no cache.
      }
    },
  };
}

/** The XDG specification says to ignore a relative path. */
function userCacheDirectory(): string {
  const configured = process.env.XDG_CACHE_HOME;
  return configured && isAbsolute(configured) ? configured : join(homedir(), ".cache");
}
