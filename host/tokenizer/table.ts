import { WkvError } from "../errors.ts";

/** Ids index arrays here, so a damaged file must not choose them freely. RWKV models have 65,536 rows. */
const MAX_IDS = 1 << 20;

const EMPTY = new Uint8Array(0);

/** Token bytes by id: one flat array, so that 65,529 tokens are three allocations. Ids may have gaps. */
export class TokenTable {
  /** The highest id plus one. */
  readonly size: number;
  /** Ids below this are accepted; an id without a token has no bytes. At least `size`. */
  #limit: number;
  readonly #bytes: Uint8Array;
  /** `[size]` byte offsets into `#bytes`; equal to the next for an id without a token. */
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;

  constructor(bytes: Uint8Array, starts: Uint32Array, ends: Uint32Array) {
    this.size = starts.length;
    this.#limit = starts.length;
    this.#bytes = bytes;
    this.#starts = starts;
    this.#ends = ends;
  }

  /** All token bytes together. */
  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Bytes of the longest token. */
  get longest(): number {
    return this.#starts.reduce((most, start, id) => Math.max(most, this.#ends[id]! - start), 0);
  }

  /** The same ids with their bytes from the last to the first. */
  reversed(): TokenTable {
    const { length } = this.#bytes;
    const turned = (at: number) => length - at;
    return new TokenTable(this.#bytes.slice().reverse(), this.#ends.map(turned), this.#starts.map(turned));
  }

  /** Without checking the id: for loops over `0 .. size - 1`. */
  lengthOf(id: number): number {
    return this.#ends[id]! - this.#starts[id]!;
  }

  /** Without checks: byte `i` of a token. */
  byteAt(id: number, i: number): number {
    return this.#bytes[this.#starts[id]! + i]!;
  }

  /** Whether a token's bytes are those from `at` on. */
  isAt(id: number, bytes: Uint8Array, at: number): boolean {
    const end = this.#ends[id]!;
    for (let i = this.#starts[id]!; i < end; i++) if (this.#bytes[i] !== bytes[at++]) return false;
    return true;
  }

  /** Whether two tokens of the same length have the same bytes. */
  isEqual(id: number, other: number): boolean {
    return this.isAt(id, this.#bytes, this.#starts[other]!);
  }

  /** A view; do not write to it. @throws RangeError for an unknown id */
  view(id: number): Uint8Array {
    this.#check(id);
    return id < this.size ? this.#bytes.subarray(this.#starts[id], this.#ends[id]) : EMPTY;
  }

  /** The tokens' bytes one after another. @throws RangeError for an unknown id */
  concat(ids: Iterable<number>): Uint8Array {
    const list = Array.isArray(ids) ? (ids as number[]) : [...ids];
    let length = 0;
    for (const id of list) {
      this.#check(id);
      if (id < this.size) length += this.lengthOf(id);
    }
    const target = new Uint8Array(length);
    let at = 0;
    for (const id of list) {
      if (id >= this.size) continue;
      // Tokens have a few bytes: a loop is several times faster than subarray and set.
      for (let i = this.#starts[id]!; i < this.#ends[id]!; i++) target[at++] = this.#bytes[i]!;
    }
    return target;
  }

  /**
   * Accepts the ids of a model that has more rows than its vocabulary has ids.
   * @throws WkvError `bad-vocab` if the model has fewer
   */
  padTo(modelVocabSize: number): void {
    if (modelVocabSize < this.size)
      throw new WkvError(
        "bad-vocab",
        `the vocabulary has ids up to ${this.size - 1}, but the model has only ${modelVocabSize} rows: ` +
          "this is not the vocabulary that the model was trained with.",
      );
    this.#limit = modelVocabSize;
  }

  #check(id: number): void {
    if (Number.isInteger(id) && id >= 0 && id < this.#limit) return;
    if (typeof id !== "number") throw new TypeError(`"id" expected a number, got ${typeof id}`);
    throw new RangeError(`"id" expected an integer from 0 to ${this.#limit - 1}, got ${id}`);
  }
}

/** Collects tokens in any order of ids. */
export class TokenTableBuilder {
  readonly #name: string;
  readonly #ids: number[] = [];
  /** `#ends[i]` is where the bytes of token `#ids[i]` end, and those of the next begin. */
  readonly #ends: number[] = [];
  #bytes = new Uint8Array(4096);
  #used = 0;

  /** @param name of the vocabulary, for messages */
  constructor(name: string) {
    this.#name = name;
  }

  /** Copies bytes `from .. to - 1`. @throws WkvError `bad-vocab` for an invalid id or an empty token */
  add(id: number, token: Uint8Array, from = 0, to = token.length): void {
    if (!(Number.isInteger(id) && id >= 0 && id < MAX_IDS))
      throw new WkvError("bad-vocab", `${this.#name}: token id ${id} is not an integer from 0 to ${MAX_IDS - 1}.`);
    if (from === to) throw new WkvError("bad-vocab", `${this.#name}: token ${id} is empty.`);
    this.#reserve(to - from);
    // Tokens have a few bytes: a loop is several times faster than subarray and set.
    for (let i = from; i < to; i++) this.#bytes[this.#used++] = token[i]!;
    this.#ids.push(id);
    this.#ends.push(this.#used);
  }

  /** @throws WkvError `bad-vocab` if there is no token, or a duplicate id */
  build(): TokenTable {
    if (this.#ids.length === 0) throw new WkvError("bad-vocab", `${this.#name} has no tokens.`);
    const size = this.#ids.reduce((highest, id) => Math.max(highest, id), 0) + 1;
    const starts = new Uint32Array(size);
    const ends = new Uint32Array(size);
    let start = 0;
    for (let i = 0; i < this.#ids.length; i++) {
      const id = this.#ids[i]!;
      if (ends[id] !== 0) throw new WkvError("bad-vocab", `${this.#name}: token id ${id} appears twice.`);
      starts[id] = start;
      ends[id] = start = this.#ends[i]!;
    }
    return new TokenTable(this.#bytes.slice(0, this.#used), starts, ends);
  }

  #reserve(more: number): void {
    if (this.#used + more <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * this.#bytes.length + more);
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }
}
