import { files } from "#files";
import { WkvError } from "../errors.ts";
import { fetchBytes } from "./fetch.ts";

/** A public file that never changes: what its bytes must be is known beforehand. */
export interface PinnedFile {
  /** Path below the base address; its last part is the name in the cache. */
  path: string;
  /** Hexadecimal. */
  sha256: string;
}

export interface DownloadOptions {
  /** Where named vocabularies come from, with a slash at the end. Default: the ChatRWKV repository. */
  baseUrl?: string;
  /** Where they are kept. Default: `wkv` in the XDG cache directory. Node, Deno and Bun; ignored in browsers. */
  cacheDir?: string;
  signal?: AbortSignal;
}

export const CHAT_RWKV = "https://raw.githubusercontent.com/BlinkDL/ChatRWKV/main/";

export const NAMED_VOCABULARIES = {
  world: {
    path: "tokenizer/rwkv_vocab_v20230424.txt",
    sha256: "e6dee3d4e31b4d5c40ac99508ac6c701ceef4bed681bf2167ce9a908552bca89",
  },
  pile: {
    path: "20B_tokenizer.json",
    sha256: "56ac4821e129d2c520fdaba60abd920fa852ada51b45c0dd52bbb6bd8c985ade",
  },
} as const satisfies Record<string, PinnedFile>;

/**
 * A pinned file, from the cache when it is there and sound, else downloaded into it.
 * @throws WkvError `not-found` when it cannot be had, `bad-vocab` when what comes is another file;
 *   both say which file to give instead
 */
export async function readPinned(file: PinnedFile, options: DownloadOptions = {}): Promise<Uint8Array> {
  options.signal?.throwIfAborted();
  const cache = files?.openFileCache(options.cacheDir);
  const fileName = file.path.slice(file.path.lastIndexOf("/") + 1);
  const cached = await cache?.read(fileName);
  if (cached && (await sha256(cached)) === file.sha256) return cached;
  const url = (options.baseUrl ?? CHAT_RWKV) + file.path;
  const bytes = await download(url, fileName, file.sha256, options.signal);
  await cache?.write(fileName, bytes);
  return bytes;
}

async function download(url: string, fileName: string, expected: string, signal?: AbortSignal): Promise<Uint8Array> {
  const advice = `Get ${fileName} in another way (${CHAT_RWKV} has it) and give it with --vocab FILE.`;
  let bytes: Uint8Array;
  try {
    bytes = await fetchBytes(url, signal);
  } catch (error) {
    if (!(error instanceof WkvError)) throw error;
    throw new WkvError(error.code, `${error.message} ${advice}`, { cause: error });
  }
  const actual = await sha256(bytes);
  if (actual === expected) return bytes;
  throw new WkvError(
    "bad-vocab",
    `${url} gave ${bytes.length} bytes that are not ${fileName}: SHA-256 ${actual}, expected ${expected}. ${advice}`,
  );
}

async function sha256(bytes: Uint8Array): Promise<string> {
  if (!globalThis.crypto?.subtle)
    throw new WkvError(
      "not-found",
      "a page that is served neither over https nor from localhost cannot check what it downloads: " +
        "give the vocabulary's own address instead of its name.",
    );
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
