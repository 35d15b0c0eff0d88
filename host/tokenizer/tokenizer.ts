import { WkvError } from "../errors.ts";
import { TextStream, type TokenStream } from "./stream.ts";
import type { TokenTable } from "./table.ts";

/**
 * Text to token ids and back. Everything works on bytes: a token may end in the middle of a character, and
 * `decode(encode(x))` returns `x` (except that NeoX normalises text to NFC first).
 */
export interface Tokenizer {
  readonly kind: "world" | "neox" | "bytes" | "symbols";
  /** The highest id plus one. A model may have more rows: see {@link Tokenizer.decode}. */
  readonly vocabSize: number;
  /** The id that ends a document. Undefined if every id is text (bytes, symbols). */
  readonly endOfText: number | undefined;
  /**
   * Adds no special tokens. Lone surrogates of a string become U+FFFD.
   * @param input text, or bytes that need not be UTF-8 (NeoX: they must)
   * @throws WkvError `bad-vocab` if the vocabulary has no token for some byte of the input
   */
  encode(input: string | Uint8Array): number[];
  /**
   * Bytes that are not UTF-8 become U+FFFD. Ids without a token (World's end of text, gaps, rows of the model beyond
   * its vocabulary) decode to nothing, so that any output of a model can be shown.
   * @throws RangeError for an id that is in neither the vocabulary nor `modelVocabSize`
   */
  decode(ids: Iterable<number>): string;
  /** The exact bytes; ids are treated as in {@link Tokenizer.decode}. */
  decodeBytes(ids: Iterable<number>): Uint8Array;
  /** The bytes of one token, empty for an id without one. */
  tokenBytes(id: number): Uint8Array;
  /** A decoder for ids that come one at a time. */
  stream(): TokenStream;
}

/** What all tokenizers share: ids to bytes by table. Subclasses encode. */
export abstract class TableTokenizer implements Tokenizer {
  abstract readonly kind: Tokenizer["kind"];
  readonly endOfText: number | undefined;
  readonly table: TokenTable;

  constructor(table: TokenTable, endOfText: number | undefined) {
    this.table = table;
    this.endOfText = endOfText;
  }

  abstract encode(input: string | Uint8Array): number[];

  get vocabSize(): number {
    return this.table.size;
  }

  decode(ids: Iterable<number>): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.decodeBytes(ids));
  }

  decodeBytes(ids: Iterable<number>): Uint8Array {
    if (typeof ids?.[Symbol.iterator] !== "function")
      throw new TypeError(`"ids" expected an array or another iterable of numbers, got ${typeof ids}`);
    return this.table.concat(ids);
  }

  tokenBytes(id: number): Uint8Array {
    return this.table.view(id).slice();
  }

  stream(): TokenStream {
    return new TextStream(this.table);
  }
}

/** The bytes to encode. @throws TypeError for anything but a string or a Uint8Array */
export function inputBytes(input: string | Uint8Array): Uint8Array {
  if (typeof input === "string") return new TextEncoder().encode(input);
  if (input instanceof Uint8Array) return input;
  throw new TypeError(`"input" expected a string or a Uint8Array, got ${typeof input}`);
}

/** The error for input that no token matches at byte `at`. */
export function missingByte(bytes: Uint8Array, at: number): WkvError {
  const byte = bytes[at]!;
  const character = byte > 32 && byte < 127 ? ` ("${String.fromCharCode(byte)}")` : "";
  return new WkvError(
    "bad-vocab",
    `the vocabulary has no token for byte 0x${byte.toString(16).padStart(2, "0")}${character} at byte ${at} ` +
      "of the input: remove it, or use a vocabulary with all bytes.",
  );
}
