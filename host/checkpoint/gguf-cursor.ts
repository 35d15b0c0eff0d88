import { damaged } from "./damage.ts";
import { LENGTH_BYTES, type MetadataValue, type NumberList, StringList } from "./metadata.ts";

/** The available bytes end inside the header: read more, or the file is truncated. */
export class HeaderTooShort extends Error {}

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

/** The array class for a list of numbers. */
interface ListClass {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): NumberList;
}

/** GGUF's numeric types, and the array class for a list of each. */
const NUMBERS = new Map<number, ListClass>([
  [0, Uint8Array],
  [1, Int8Array],
  [2, Uint16Array],
  [3, Int16Array],
  [4, Uint32Array],
  [5, Int32Array],
  [6, Float32Array],
  [BOOL, Uint8Array],
  [10, BigUint64Array],
  [11, BigInt64Array],
  [12, Float64Array],
]);

/**
 * Reads GGUF's primitives from the beginning of a file. Nothing is allocated for a count or length before the bytes
 * that it counts are available.
 * @throws HeaderTooShort (all methods) where the available bytes end
 */
export class GgufCursor {
  readonly #file: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder();
  #at = 0;

  /** @param file file name for messages */
  constructor(file: string, bytes: Uint8Array) {
    this.#file = file;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#at;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A length, count or offset: 64 bits. A value beyond 2^53 can only be damage. */
  size(): number {
    const at = this.#take(8);
    const value = this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
    if (value > Number.MAX_SAFE_INTEGER)
      throw damaged(
        this.#file,
        `its header claims ${value} of something at byte ${at}: the file is damaged; fetch it again.`,
      );
    return value;
  }

  /** @throws WkvError `bad-file` if it is longer than `most` bytes */
  name(most: number): string {
    const length = this.size();
    if (length > most)
      throw damaged(
        this.#file,
        `a name at byte ${this.#at} has ${length} bytes (the limit is ${most}): the file is damaged; fetch it again.`,
      );
    return this.#text(length);
  }

  /** @throws WkvError `bad-file` for a type that GGUF does not define */
  value(): MetadataValue {
    const type = this.u32();
    if (type === ARRAY) return this.#list();
    if (type === STRING) return this.#text(this.size());
    const value = this.#numbers(type, 1)[0]!;
    if (type === BOOL) return value !== 0;
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #list(): NumberList | StringList {
    const type = this.u32();
    const count = this.size();
    return type === STRING ? this.#strings(count) : this.#numbers(type, count);
  }

  #numbers(type: number, count: number): NumberList {
    const List = NUMBERS.get(type);
    if (!List)
      throw damaged(
        this.#file,
        `a value of type ${type} at byte ${this.#at}, which GGUF does not define (or a nested list): ` +
          "the file is damaged; fetch or convert it again.",
      );
    const at = this.#take(count * List.BYTES_PER_ELEMENT);
    return new List(this.#bytes.slice(at, this.#at).buffer as ArrayBuffer);
  }

  #strings(count: number): StringList {
    this.#check(count * LENGTH_BYTES);
    const from = this.#at;
    const ends = new Uint32Array(count);
    const view = this.#view;
    for (let i = 0; i < count; i++) {
      // Without `take` and `size` for lengths below 2^32: 65,536 of each take 20 ms in a new process.
      const at = this.#at;
      if (at + LENGTH_BYTES <= view.byteLength && view.getUint32(at + 4, true) === 0) {
        this.#at = at + LENGTH_BYTES + view.getUint32(at, true);
        if (this.#at > view.byteLength) throw new HeaderTooShort();
      } else this.#take(this.size());
      ends[i] = this.#at - from;
    }
    return new StringList(this.#bytes.slice(from, this.#at), ends);
  }

  #text(length: number): string {
    const at = this.#take(length);
    return this.#decoder.decode(this.#bytes.subarray(at, this.#at));
  }

  /** Skips `length` bytes. @returns where they begin */
  #take(length: number): number {
    this.#check(length);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #check(length: number): void {
    if (this.#at + length > this.#bytes.length) throw new HeaderTooShort();
  }
}
