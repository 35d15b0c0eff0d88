import { files } from "#files";
import { WkvError } from "../errors.ts";
import { checkNames } from "../options/names.ts";
import { MAX_VOCABULARY_BYTES } from "../source/companions.ts";
import { shown } from "../source/net/address.ts";
import { fetchBytes } from "../source/net/fetch-bytes.ts";
import { pageAddress } from "../source/page-address.ts";
import { BytesTokenizer } from "./bytes.ts";
import { type DownloadOptions, NAMED_VOCABULARIES, readPinned } from "./named.ts";
import { parseTokenizer } from "./recognise.ts";
import type { Tokenizer } from "./tokenizer.ts";

/**
 * A name (`"world"`, `"pile"`, `"bytes"`), a file's path, an http(s) or file address, or a file's contents.
 * A file with such a name is written `"./world"`.
 */
export type TokenizerSource = string | URL | Uint8Array | ArrayBuffer | Blob;

export interface LoadTokenizerOptions extends DownloadOptions {
  /** Rows of the model; if there are more than ids in the vocabulary, the rest decode to nothing. */
  modelVocabSize?: number;
}

const TOKENIZER_OPTIONS = {
  modelVocabSize: true,
  baseUrl: true,
  cacheDir: true,
  signal: true,
} as const satisfies Record<keyof LoadTokenizerOptions, true>;

/**
 * Creates a tokenizer. The format of a file is detected from its contents: a World vocabulary (text or JSON), a
 * tokenizer.json with byte-level BPE, or one symbol per line. `"world"` and `"pile"` are downloaded once, verified
 * and cached.
 * @throws WkvError `not-found` or `bad-vocab`; TypeError for another kind of source; the signal's reason
 * @example
 * const tokenizer = await loadTokenizer("bytes");
 * console.log(tokenizer.encode("é"), tokenizer.decode([195, 169]));
 */
export async function loadTokenizer(source: TokenizerSource, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  checkNames(options, TOKENIZER_OPTIONS, "loadTokenizer");
  options.signal?.throwIfAborted();
  const tokenizer =
    source === "bytes"
      ? new BytesTokenizer()
      : await parseTokenizer(await readVocabulary(source, options), nameOf(source));
  if (options.modelVocabSize !== undefined) tokenizer.table.padTo(options.modelVocabSize);
  return tokenizer;
}

/** The contents of a vocabulary file, unparsed; not for "bytes", which has none. */
export async function readVocabulary(source: TokenizerSource, options: DownloadOptions): Promise<Uint8Array> {
  if (source === "world" || source === "pile") return readPinned(NAMED_VOCABULARIES[source], options);
  // A copy: the bytes may be in shared memory, which TextDecoder may refuse.
  if (source instanceof Uint8Array) return new Uint8Array(source);
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (typeof source !== "string" && !(source instanceof URL))
    throw new TypeError(`"source" expected a path, URL, bytes or Blob, got ${typeof source}`);
  const address = addressOf(source);
  const contents =
    address && address.protocol !== "file:"
      ? await fetchBytes(address, MAX_VOCABULARY_BYTES, options.signal)
      : await readPath(address ?? (source as string));
  if (contents) return contents;
  throw new WkvError(
    "bad-vocab",
    `${nameOf(source)} has more than ${MAX_VOCABULARY_BYTES} bytes: it is not a vocabulary.`,
  );
}

async function readPath(path: string | URL): Promise<Uint8Array | undefined> {
  if (!files)
    throw new WkvError("not-found", `${path}: there is no file system here; give an address, a Blob or the contents.`);
  try {
    return await files.readFile(path, MAX_VOCABULARY_BYTES);
  } catch (error) {
    if (!(error instanceof WkvError)) throw error;
    const advice = 'Give a vocabulary file, an address, or one of the names "world", "pile" and "bytes".';
    throw new WkvError(error.code, `${error.message} ${advice}`, { cause: error });
  }
}

/** Undefined for the path of a file. Pages have no file system: there a path is a relative address. */
function addressOf(source: string | URL): URL | undefined {
  if (source instanceof URL) return source;
  const base = files ? undefined : pageAddress();
  return base || /^(https?|file|data|blob):/i.test(source) ? new URL(source, base) : undefined;
}

function nameOf(source: TokenizerSource): string {
  if (typeof source === "string") return `the vocabulary ${/^https?:/i.test(source) ? shown(new URL(source)) : source}`;
  if (source instanceof Blob && "name" in source) return `the vocabulary ${source.name}`;
  return source instanceof URL ? `the vocabulary ${shown(source)}` : "the vocabulary";
}
