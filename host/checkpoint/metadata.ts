/** A file's metadata, by key. Only GGUF files have much of it. */
export type Metadata = ReadonlyMap<string, MetadataValue>;

/** 64-bit integers beyond 2^53 are bigints; lists of booleans are bytes 0 and 1. */
export type MetadataValue = number | bigint | boolean | string | NumberList | StringList;

export type NumberList =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** Bytes of the length before each string in a list. */
export const LENGTH_BYTES = 8;

/**
 * A list of strings as GGUF stores it: each preceded by its length. A vocabulary has 65,536 of them, so they stay bytes
 * until requested.
 */
export class StringList {
  /** UTF-8, or what a converter took for UTF-8. */
  readonly bytes: Uint8Array;
  readonly #ends: Uint32Array;

  /**
   * @param ends end offset of each string in `bytes`; a string starts 8 bytes (its length) after the end of the
   * previous one
   */
  constructor(bytes: Uint8Array, ends: Uint32Array) {
    this.bytes = bytes;
    this.#ends = ends;
  }

  get length(): number {
    return this.#ends.length;
  }

  /** First byte of string `i`. */
  start(i: number): number {
    return LENGTH_BYTES + (i > 0 ? this.#ends[i - 1]! : 0);
  }

  /** The byte after the last of string `i`. */
  end(i: number): number {
    return this.#ends[i]!;
  }
}
