import { WkvError } from "../../errors.ts";
import { openStore } from "../cache/open-store.ts";
import type { Folder } from "../cache/store.ts";
import { MAX_VOCABULARY_BYTES } from "../companions.ts";
import { shown } from "./address.ts";
import { download } from "./download.ts";
import { fetchBytes } from "./fetch-bytes.ts";
import type { RemoteFile } from "./remote-file.ts";

/** A small file that never changes and whose checksum is known in advance. */
export type PinnedRemote = RemoteFile & { readonly sha256: string };

/** Such a file has a megabyte or two; without room for that, nothing is cached. */
const ROOM = 16e6;

/**
 * A small file, from the cache, else downloaded into it. Without a cache it is downloaded each time.
 * @throws WkvError `not-found` or `network`; the signal's reason
 */
export async function fetchFile(
  file: PinnedRemote,
  { cacheDir, signal }: { cacheDir?: string | undefined; signal?: AbortSignal | undefined },
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const { path, url, sha256 } = file;
  const folder = await openFolder(shown(url), cacheDir);
  if (!folder) return checked((await fetchBytes(url, MAX_VOCABULARY_BYTES, signal)) ?? new Uint8Array(0), file);
  const kept = await folder.bytes(path);
  if (kept && (await hashOf(kept)) === sha256) return kept;
  const size = await download(file, folder, { signal, tries: 3, patience: 200 });
  await folder.finish({
    address: shown(url),
    asked: [],
    main: path,
    files: [{ path, size, sha256 }],
    fetched: new Date().toISOString(),
  });
  return checked((await folder.bytes(path)) ?? new Uint8Array(0), file);
}

/** Undefined if nothing can be stored. */
async function openFolder(address: string, cacheDir: string | undefined): Promise<Folder | undefined> {
  try {
    const folder = await (await openStore(cacheDir))?.open(address);
    await folder?.checkSpace(ROOM);
    return folder;
  } catch (error) {
    if (error instanceof WkvError) return undefined;
    throw error;
  }
}

async function checked(bytes: Uint8Array, { url, path, sha256 }: PinnedRemote): Promise<Uint8Array> {
  const actual = await hashOf(bytes);
  if (actual === sha256) return bytes;
  throw new WkvError(
    "network",
    `${shown(url)} sent ${bytes.length} bytes that are not ${path}: SHA-256 ${actual}, expected ${sha256}.`,
  );
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  if (!globalThis.crypto?.subtle)
    throw new WkvError(
      "not-found",
      "a page served neither over https nor from localhost cannot verify downloads: " +
        "give the vocabulary's address instead of its name.",
    );
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
