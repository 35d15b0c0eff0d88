import { WkvError } from "../errors.ts";
import type { TokenTable } from "./table.ts";

/** Slots per token: with fewer, more searches for a token that does not exist meet another one. */
const SLOTS_PER_TOKEN = 3;
/** Slots looked at for a token: with a vocabulary made to collide, texts would take minutes. */
const MOST_IN_A_ROW = 64;

/**
 * Greedy longest match over a vocabulary: a hash table of whole tokens, all prefixes of the rest of the text looked up.
 * Half as fast as a trie on English, but for World made in 25 ms of a new process instead of 120.
 */
export class TokenHashes {
  readonly #table: TokenTable;
  /** A token's id plus one, or 0, at the token's hash or in the first free slot after it. */
  readonly #slots: Int32Array;
  /** `[65536]` bytes of the longest token that begins with these two bytes. */
  readonly #longest: Uint32Array;

  private constructor(table: TokenTable, slots: Int32Array, longest: Uint32Array) {
    this.#table = table;
    this.#slots = slots;
    this.#longest = longest;
  }

  /**
   * Yields where the event loop may turn.
   * @returns undefined if too many tokens collide
   * @throws WkvError `bad-vocab` when two ids have the same bytes
   */
  static *build(table: TokenTable, name: string, steps: number): Generator<void, TokenHashes | undefined, void> {
    const slots = new Int32Array(2 ** Math.ceil(Math.log2(SLOTS_PER_TOKEN * table.size)));
    const longest = new Uint32Array(65536);
    for (let id = 0; id < table.size; id++) {
      if (id % steps === 0) yield;
      const length = table.lengthOf(id);
      if (length === 0) continue;
      const slot = freeSlot(table, slots, id, name);
      if (slot < 0) return undefined;
      slots[slot] = id + 1;
      if (length === 1) continue;
      const start = 256 * table.byteAt(id, 0) + table.byteAt(id, 1);
      longest[start] = Math.max(longest[start]!, length);
    }
    return new TokenHashes(table, slots, longest);
  }

  /** The longest token at byte `at`, or -1. */
  longestAt(bytes: Uint8Array, at: number): number {
    const left = bytes.length - at;
    const most = left < 2 ? left : Math.min(left, Math.max(1, this.#longest[256 * bytes[at]! + bytes[at + 1]!]!));
    let token = -1;
    let hash = SEED;
    for (let length = 1; length <= most; length++) {
      hash = mixed(hash, bytes[at + length - 1]!);
      const found = this.#find(hash, bytes, at, length);
      if (found >= 0) token = found;
    }
    return token;
  }

  /** The token with this hash and these bytes, or -1. */
  #find(hash: number, bytes: Uint8Array, at: number, length: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const first = spread(hash);
    for (let i = 0; i < MOST_IN_A_ROW; i++) {
      const id = slots[(first + i) & mask]! - 1;
      if (id < 0) return -1;
      if (this.#table.lengthOf(id) === length && this.#table.isAt(id, bytes, at)) return id;
    }
    return -1;
  }
}

/** Where a token belongs; -1 if too many are there. @throws WkvError `bad-vocab` if it is there already */
function freeSlot(table: TokenTable, slots: Int32Array, id: number, name: string): number {
  const mask = slots.length - 1;
  const length = table.lengthOf(id);
  let hash = SEED;
  for (let i = 0; i < length; i++) hash = mixed(hash, table.byteAt(id, i));
  const first = spread(hash);
  for (let i = 0; i < MOST_IN_A_ROW; i++) {
    const slot = (first + i) & mask;
    if (slots[slot] === 0) return slot;
    const other = slots[slot]! - 1;
    if (table.lengthOf(other) === length && table.isEqual(other, id))
      throw new WkvError("bad-vocab", `${name}: tokens ${other} and ${id} are the same bytes.`);
  }
  return -1;
}

// FNV-1a's constants. Its low bits depend on those of the bytes only, hence `spread`.
const SEED = 0x811c9dc5 | 0;

function mixed(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

function spread(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 7;
}
