import { files } from "#files";
import type { CachedModel, Store } from "./store.ts";

/**
 * The cache of this runtime; undefined if it has none.
 * @param directory on disk; default: `wkv` in the user's cache directory. Ignored in pages
 */
export async function openStore(directory?: string): Promise<Store | undefined> {
  return files ? files.diskStore(directory) : (await import("./page-store.ts")).pageStore();
}

/**
 * The downloaded models, complete or not: in the page's private file system, or on disk.
 * @param directory as `cacheDir` of `loadModel`
 */
export async function cachedModels(directory?: string): Promise<CachedModel[]> {
  return (await (await openStore(directory))?.list()) ?? [];
}

/**
 * Deletes a downloaded model.
 * @param address as listed by `cachedModels`
 * @returns false if there was none
 */
export async function deleteCachedModel(address: string, directory?: string): Promise<boolean> {
  return (await (await openStore(directory))?.remove(address)) ?? false;
}
