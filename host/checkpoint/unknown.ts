/** What a file that no reader recognises seems to be, and what to give instead. */
export interface Guess {
  /** Follows the file's name: "is empty", "is a web page"; undefined if there is no guess. */
  readonly looksLike?: string;
  readonly advice: string;
}

const GIVE_A_MODEL = "give a model as .pth, .safetensors, .gguf or rwkv.cpp .bin.";
const UNPACK = "unpack it and give the model file inside.";
const FETCH_AGAIN = "fetch the model file itself again.";
const CONVERT_GGML = "convert the original .pth with a current rwkv.cpp, or give it as it is.";

/** First bytes, as Latin-1, of files that are given by mistake. */
const SIGNATURES: readonly (readonly [start: string, looksLike: string, advice: string])[] = [
  ["lmgg", "is a ggml file of the oldest kind", CONVERT_GGML],
  ["wkvs", "is a saved session of wkv, not a model", "give a model, and this file with --state or to createSession()."],
  ["tjgg", "is a ggjt file of old llama.cpp", CONVERT_GGML],
  [
    "version https://git-lfs",
    "is a Git LFS pointer, not the model it points to",
    "run git lfs pull, or fetch it over HTTP.",
  ],
  ["\x1f\x8b", "is compressed with gzip", UNPACK],
  ["\x28\xb5\x2f\xfd", "is compressed with zstd", UNPACK],
  ["\xfd7zXZ\x00", "is compressed with xz", UNPACK],
  ["7z\xbc\xaf\x27\x1c", "is a 7z archive", UNPACK],
  ["\x89HDF", "is an HDF5 file", GIVE_A_MODEL],
  ["\x93NUMPY", "is a numpy array", GIVE_A_MODEL],
  ["\x00asm", "is a WebAssembly module", GIVE_A_MODEL],
];

/** Guesses from a file's first bytes, up to 512 of them. */
export function guessFormat(head: Uint8Array): Guess {
  if (head.length === 0) return { looksLike: "is empty", advice: FETCH_AGAIN };
  const known = SIGNATURES.find(([start]) => startsWith(head, start));
  if (known) return { looksLike: known[1], advice: known[2] };
  if (startsWith(head.subarray(257), "ustar")) return { looksLike: "is a tar archive", advice: UNPACK };
  if (head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5)
    return {
      looksLike: "is a Python pickle, but not one of torch.save",
      advice: "save the model with torch.save(model.state_dict(), PATH).",
    };
  if (head.every((byte) => byte === 0))
    return { looksLike: "starts with nothing but zeros, like a download that never finished", advice: FETCH_AGAIN };
  return guessText(head) ?? { advice: GIVE_A_MODEL };
}

function guessText(head: Uint8Array): Guess | undefined {
  if (!isText(head.subarray(0, 8))) return undefined;
  const text = new TextDecoder().decode(head).trimStart().toLowerCase();
  if (/^(<!doctype|<html|<head|<\?xml|<!--)/.test(text))
    return { looksLike: "is a web page, perhaps an error or a login page", advice: FETCH_AGAIN };
  if (/^[[{]/.test(text)) return { looksLike: "is JSON text, not weights", advice: GIVE_A_MODEL };
  return isText(head) ? { looksLike: "is text, not weights", advice: GIVE_A_MODEL } : undefined;
}

/** Whether there are only printable characters, white space and possible UTF-8 beyond ASCII. */
export function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

/** Whether the bytes begin with these characters, one byte each. */
export function startsWith(head: Uint8Array, start: string): boolean {
  return head.length >= start.length && Array.from(start).every((symbol, at) => head[at] === symbol.charCodeAt(0));
}
