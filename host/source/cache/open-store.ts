import { files } from "#files";
import { checkText } from "../../options/values.ts";
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
 * @example
 * for (const { address, bytes, whole } of await cachedModels()) console.log(address, bytes, whole);
 */
export async function cachedModels(directory?: string): Promise<CachedModel[]> {
  return (await (await openStore(directory))?.list()) ?? [];
}

/**
 * Deletes a downloaded model.
 * @param address as `cachedModels` lists it
 * @returns false when there was none
 * @example
 * for (const { address } of await cachedModels("cache")) await deleteCachedModel(address, "cache");
 */
export async function deleteCachedModel(address: string, directory?: string): Promise<boolean> {
  checkText(address, "address");
  return (await (await openStore(directory))?.remove(address)) ?? false;
}
