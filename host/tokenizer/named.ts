import { WkvError } from "../errors.ts";
import { fetchFile } from "../source/net/fetch-file.ts";

/** A public file that never changes and whose checksum is known in advance. */
export interface PinnedFile {
  /** Path below the base address; its last part is the file name in the cache. */
  path: string;
  /** Hexadecimal. */
  sha256: string;
}

export interface DownloadOptions {
  /** Base address of named vocabularies, with a trailing slash. Default: the ChatRWKV repository. */
  baseUrl?: string;
  /** Cache folder. Default: `wkv` in the XDG cache directory. Node, Deno and Bun; ignored in browsers. */
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
 * A pinned file, from the cache if it is there and intact, else downloaded into it.
 * @throws WkvError `not-found` or `network`, with the file to give instead
 */
export async function readPinned({ path, sha256 }: PinnedFile, options: DownloadOptions = {}): Promise<Uint8Array> {
  const url = new URL((options.baseUrl ?? CHAT_RWKV) + path);
  const fileName = path.slice(path.lastIndexOf("/") + 1);
  try {
    return await fetchFile({ path: fileName, url, sha256 }, options);
  } catch (error) {
    if (!(error instanceof WkvError)) throw error;
    const advice = `Get ${fileName} another way (${CHAT_RWKV} has it) and pass it with --vocab FILE.`;
    throw new WkvError(error.code, `${error.message} ${advice}`, { cause: error });
  }
}
