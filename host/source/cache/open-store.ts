import { files } from "#files";
import type { Store } from "./store.ts";

/**
 * The cache of this runtime; undefined where there is none.
 * @param directory on disk, where there is one; default: `wkv` in the user's cache directory
 */
export async function openStore(directory?: string): Promise<Store | undefined> {
  return files ? files.diskStore(directory) : (await import("./page-store.ts")).pageStore();
}
