import { TokenHashes } from "./hashes.ts";
import type { TokenTable } from "./table.ts";
import { missingByte } from "./tokenizer.ts";
import { ByteTrie } from "./trie.ts";
import { atOnce, inTurns, STEPS } from "./turns.ts";

/** Walking every token from every byte on is linear in the text where tokens are short; World's longest has 128 bytes. */
const SHORT = 256;

/** Bytes of text after which a trie, twice as fast, is made in the background: by hashes they take 25 ms. */
const MUCH = 1 << 18;

/**
 * At each byte of a text, the longest token that begins there: in time linear in the text for every vocabulary. By
 * hashes at first, because most programs encode a short prompt and want its first token soon; then by a trie.
 */
export class LongestMatches {
  readonly #table: TokenTable;
  readonly #isShort: boolean;
  #found: TokenHashes | ByteTrie;
  #encoded = 0;
  #backwards: Backwards | undefined;

  private constructor(table: TokenTable, found: TokenHashes | ByteTrie) {
    this.#table = table;
    this.#found = found;
    this.#isShort = table.longest <= SHORT;
  }

  /** @throws WkvError `bad-vocab` when two ids have the same bytes */
  static make(table: TokenTable, name: string): LongestMatches {
    return new LongestMatches(table, atOnce(TokenHashes.build(table, name, STEPS)) ?? ByteTrie.make(table, name));
  }

  /** The same for a large vocabulary, without holding the event loop. */
  static async build(table: TokenTable, name: string): Promise<LongestMatches> {
    const hashes = await inTurns(TokenHashes.build(table, name, STEPS));
    return new LongestMatches(table, hashes ?? (await ByteTrie.build(table, name)));
  }

  lengthOf(id: number): number {
    return this.#table.lengthOf(id);
  }

  /** Always takes the longest token. @throws WkvError `bad-vocab` where none matches */
  encode(bytes: Uint8Array): number[] {
    if (this.#isShort && this.#found instanceof ByteTrie) return this.#found.encode(bytes);
    const tokenAt = this.over(bytes);
    const ids: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const id = tokenAt(at);
      if (id < 0) throw missingByte(bytes, at);
      ids.push(id);
      at += this.lengthOf(id);
    }
    return ids;
  }

  /** @returns the id of the longest token at a byte, or -1 */
  over(bytes: Uint8Array): (at: number) => number {
    if (this.#isShort) {
      this.#count(bytes.length);
      const found = this.#found;
      return (at) => found.longestAt(bytes, at);
    }
    this.#backwards ??= new Backwards(this.#table);
    const found = this.#backwards.find(bytes);
    return (at) => found[at]!;
  }

  #count(bytes: number): void {
    const before = this.#encoded;
    this.#encoded += bytes;
    if (before > MUCH || this.#encoded <= MUCH) return;
    void ByteTrie.build(this.#table, "").then((trie) => {
      this.#found = trie;
    });
  }
}

/**
 * Aho and Corasick's automaton of the tokens read from their ends: it reads a text backwards, and knows at each byte the
 * longest token that ends, which is one that begins, there.
 */
class Backwards {
  readonly #trie: ByteTrie;
  /** Slot: where its longest proper suffix is. */
  readonly #fail: Int32Array;
  /** Slot: the longest token that is a suffix of it, or -1. */
  readonly #token: Int32Array;

  constructor(table: TokenTable) {
    this.#trie = ByteTrie.make(table.reversed(), "");
    this.#fail = new Int32Array(this.#trie.slots);
    this.#token = Int32Array.from({ length: this.#trie.slots }, (_, slot) => this.#trie.tokenOf(slot));
    for (const slot of this.#trie.order.subarray(1)) {
      const parent = this.#trie.parent(slot);
      // The suffix of a child of the root is the root itself.
      const fail = parent === 0 ? 0 : this.#step(this.#fail[parent]!, this.#trie.byteOf(slot));
      this.#fail[slot] = fail;
      if (this.#token[slot] === -1) this.#token[slot] = this.#token[fail]!;
    }
  }

  /** `[bytes.length]` */
  find(bytes: Uint8Array): Int32Array {
    const found = new Int32Array(bytes.length);
    let slot = 0;
    for (let at = bytes.length - 1; at >= 0; at--) {
      slot = this.#step(slot, bytes[at]!);
      found[at] = this.#token[slot]!;
    }
    return found;
  }

  #step(from: number, byte: number): number {
    for (let slot = from; ; slot = this.#fail[slot]!) {
      const child = this.#trie.child(slot, byte);
      if (child >= 0) return child;
      if (slot === 0) return 0;
    }
  }
}
