import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { BROKEN, CHARACTER, KIND_OF, within } from "./byte-kinds.ts";

/**
 * The tokens of a vocabulary as a byte tree in preorder: descending is `node + 1`, and skipping a subtree is
 * `end[node]`. World has 116,079 nodes in 2.8 MB, and a walk through all of them, with a step of an automaton each,
 * takes about a millisecond.
 */
export class Vocabulary {
  readonly endOfText: number | undefined;
  /** Node 0 is the root, which has no byte. */
  readonly size: number;
  readonly byte: Uint8Array;
  /** Bytes from the root. */
  readonly depth: Uint16Array;
  /** The node after the subtree. */
  readonly end: Int32Array;
  /** The tokens in node order. A set of tokens is a set of ranks in this list, so a subtree is a range. */
  readonly tokens: Int32Array;
  /** The rank of the token that ends at a node; `tokens.length` if there is none. */
  readonly rankAt: Int32Array;
  /** `[size + 1]`: the rank of the first token at or after a node. */
  readonly firstRank: Int32Array;
  /** The kinds of bytes at a node and below it, as bits; BROKEN if a character has begun before it. */
  readonly kindsFrom: Int32Array;
  /** Tokens with the same bytes as one with a lower id, and that token's rank. */
  readonly sameBytes: readonly (readonly [id: number, rank: number])[];
  /** Ids without bytes, which occur in no text; the end of the text is one. */
  readonly withoutBytes: readonly number[];
  /** Bytes of the longest token. */
  readonly deepest: number;
  /** Ids below this; not all have a token. */
  readonly ids: number;
  /** `[256]`: 1 if the byte alone is a token. */
  readonly hasByte = new Uint8Array(256);
  /** Non-ASCII code points that are single tokens, if some byte is not a token; else empty, as it is not needed. */
  readonly characters: readonly number[];
  readonly #tokenizer: Tokenizer;

  constructor(tokenizer: Tokenizer) {
    this.endOfText = tokenizer.endOfText;
    this.ids = tokenizer.vocabSize;
    this.#tokenizer = tokenizer;
    const tokens = Array.from({ length: this.ids }, (_, id) => this.bytesOf(id));
    const tree = link(tokens);
    this.size = tree.size;
    this.byte = new Uint8Array(tree.size);
    this.depth = new Uint16Array(tree.size);
    this.end = new Int32Array(tree.size);
    this.rankAt = new Int32Array(tree.size);
    this.firstRank = new Int32Array(tree.size + 1);
    this.tokens = this.#layOut(tree);
    const ranks = new Map(tree.sameBytes.map(([, other]) => [other, this.tokens.indexOf(other)]));
    this.sameBytes = tree.sameBytes.map(([id, other]) => [id, ranks.get(other)!]);
    this.withoutBytes = [...tokens.keys()].filter((id) => tokens[id]!.length === 0);
    this.deepest = this.depth.reduce((a, b) => Math.max(a, b), 0);
    this.kindsFrom = this.#findKinds();
    for (const { length, 0: byte } of tokens) if (length === 1) this.hasByte[byte!] = 1;
    this.characters = this.hasByte.every((has) => has) ? [] : singleCharacters(tokens);
  }

  /** The bytes of a token; empty for an id without one, and for the end of the text. */
  bytesOf(id: number): Uint8Array {
    const isText = Number.isInteger(id) && id >= 0 && id < this.ids && id !== this.endOfText;
    return isText ? this.#tokenizer.tokenBytes(id) : new Uint8Array(0);
  }

  #layOut(tree: LinkedTree): Int32Array {
    const { firstChild, nextSibling } = tree;
    const tokens: number[] = [];
    const count = tree.token.reduce((sum, token) => sum + (token < 0 ? 0 : 1), 0);
    let placed = 0;
    const open: number[] = [0];
    /** The latest node at each depth, until its subtree is complete. */
    const above: number[] = [];
    const depths = [0];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      const depth = depths.pop()!;
      while (above.length > depth) this.end[above.pop()!] = placed;
      above.push(placed);
      this.byte[placed] = tree.byte[node]!;
      this.depth[placed] = depth;
      this.rankAt[placed++] = tree.token[node]! < 0 ? count : tokens.push(tree.token[node]!) - 1;
      this.firstRank[placed] = tokens.length;
      for (let child = firstChild[node]!; child !== 0; child = nextSibling[child]!) {
        open.push(child);
        depths.push(depth + 1);
      }
    }
    for (const node of above) this.end[node] = placed;
    return Int32Array.from(tokens);
  }

  #findKinds(): Int32Array {
    const { size, byte, depth, rankAt, tokens } = this;
    const kinds = new Int32Array(size);
    const parents = new Int32Array(size);
    /** The nodes on the path, by depth, and their position in a character. */
    const path = new Int32Array(this.deepest + 1);
    const inside = new Int32Array(this.deepest + 1);
    const isBegun = new Uint8Array(size);
    for (let node = 1; node < size; node++) {
      const level = depth[node]!;
      const before = inside[level - 1]!;
      inside[level] = within(before, byte[node]!);
      parents[node] = path[level - 1]!;
      path[level] = node;
      isBegun[node] = before === 0 ? 0 : 1;
      const isCut = inside[level]! > 0 && rankAt[node]! < tokens.length;
      kinds[node] = isCut || inside[level]! < 0 ? BROKEN : byte[node]! < 0x80 ? KIND_OF[byte[node]!]! : CHARACTER;
    }
    for (let node = size - 1; node > 0; node--) {
      kinds[parents[node]!]! |= kinds[node]!;
      if (isBegun[node]) kinds[node]! |= BROKEN;
    }
    return kinds;
  }
}

interface LinkedTree {
  size: number;
  firstChild: Int32Array;
  nextSibling: Int32Array;
  byte: Uint8Array;
  /** The first token that ends here, or -1. */
  token: Int32Array;
  sameBytes: [id: number, other: number][];
}

function link(tokens: readonly Uint8Array[]): LinkedTree {
  const most = 1 + tokens.reduce((sum, { length }) => sum + length, 0);
  const tree: LinkedTree = {
    size: 1,
    firstChild: new Int32Array(most),
    nextSibling: new Int32Array(most),
    byte: new Uint8Array(most),
    token: new Int32Array(most).fill(-1),
    sameBytes: [],
  };
  tokens.forEach((bytes, id) => {
    if (bytes.length === 0) return;
    let node = 0;
    for (const byte of bytes) node = childOf(tree, node, byte);
    if (tree.token[node] === -1) tree.token[node] = id;
    else tree.sameBytes.push([id, tree.token[node]!]);
  });
  return tree;
}

function childOf(tree: LinkedTree, node: number, byte: number): number {
  let child = tree.firstChild[node]!;
  while (child !== 0 && tree.byte[child] !== byte) child = tree.nextSibling[child]!;
  if (child !== 0) return child;
  child = tree.size++;
  tree.byte[child] = byte;
  tree.nextSibling[child] = tree.firstChild[node]!;
  tree.firstChild[node] = child;
  return child;
}

function singleCharacters(tokens: readonly Uint8Array[]): number[] {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const texts = tokens.filter(({ length }) => length > 1 && length <= 4).map((bytes) => [...decoder.decode(bytes)]);
  const single = texts.filter((text) => text.length === 1 && text[0] !== "\ufffd");
  return single.map(([character]) => character!.codePointAt(0)!).sort((a, b) => a - b);
}

const vocabularies = new WeakMap<Tokenizer, Vocabulary>();

/** The tree of a tokenizer, built once. */
export function vocabularyOf(tokenizer: Tokenizer): Vocabulary {
  let vocabulary = vocabularies.get(tokenizer);
  if (!vocabulary) vocabularies.set(tokenizer, (vocabulary = new Vocabulary(tokenizer)));
  return vocabulary;
}
