import { Automaton, DEAD, NO_END } from "./automaton.ts";
import type { Grammar } from "./grammar.ts";
import { Loops } from "./loops.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The tokens allowed in a state. */
export interface Allowed {
  /** Bit `rank % 32` of word `rank >> 5`, by the ranks of {@link Vocabulary.tokens}. */
  readonly bits: Uint32Array;
  readonly count: number;
  /** Upper bound for the tokens needed to complete the text after one of these. */
  readonly farthest: number;
}

/** Limit for cached masks; one for World has 8 KiB. */
const MAX_KEPT_BYTES = 16 << 20;
/** Subtree size from which it pays to test whether the whole subtree is allowed. */
const MANY = 16;
/** Flag in a column, for nodes with such a subtree. */
const LARGE = 1 << 15;

/** An automaton with the masks of its states. */
export class Masks {
  readonly automaton: Automaton;
  readonly #vocabulary: Vocabulary;
  readonly #kept = new Map<number, Allowed>();
  /** `[node]`: the column of its byte in a row, and {@link LARGE}. */
  readonly #columnAt: Uint16Array;
  /** The state after the bytes so far, by depth in the tree. */
  readonly #stateAt: Int32Array;
  readonly #loops: Loops;

  constructor(grammar: Grammar, vocabulary: Vocabulary) {
    this.automaton = new Automaton(grammar, 256);
    this.#vocabulary = vocabulary;
    this.#columnAt = new Uint16Array(vocabulary.size);
    const { classOf } = this.automaton;
    for (let node = 0; node < vocabulary.size; node++) {
      const large = vocabulary.end[node]! - node > MANY ? LARGE : 0;
      this.#columnAt[node] = large | (1 + classOf[vocabulary.byte[node]!]!);
    }
    this.#stateAt = new Int32Array(vocabulary.deepest + 1);
    this.#loops = new Loops(this.automaton);
  }

  /** The tokens allowed in `state`, if the text must be complete after `left` more tokens. */
  allowed(state: number, left: number): Allowed {
    const all = this.#kept.get(state) ?? this.#compute(state);
    if (all.farthest < left) return all;
    const near = this.#walk(state, left - 1);
    return near.count > 0 || this.automaton.isComplete(state) ? near : all;
  }

  /** Tokens have a maximum length, so states that differ only beyond it share a mask. */
  #compute(state: number): Allowed {
    const like = this.automaton.withoutCounts(state, this.#vocabulary.deepest);
    const allowed = this.#kept.get(like) ?? this.#walk(like, Infinity);
    if ((this.#kept.size + 2) * allowed.bits.byteLength > MAX_KEPT_BYTES) this.#kept.clear();
    this.#kept.set(like, allowed).set(state, allowed);
    return allowed;
  }

  /**
   * Walks the vocabulary and the automaton together, and skips everything below a byte that is not allowed. If all
   * bytes at and below a node lead back to the state before it, such as letters inside a string, all tokens there are
   * taken at once.
   */
  #walk(state: number, nearest: number): Allowed {
    const { automaton } = this;
    const { size, depth, end, rankAt, tokens, kindsFrom, firstRank } = this.#vocabulary;
    const loops = this.#loops;
    const columnAt = this.#columnAt;
    const stateAt = this.#stateAt;
    let { rows } = automaton;
    // One extra bit for nodes without a token: setting it costs less than an unpredictable branch.
    const bits = new Uint32Array((tokens.length >>> 5) + 1);
    let farthest = 0;
    stateAt[0] = state;
    automaton.begin();
    for (let node = 1; node < size; ) {
      const level = depth[node]!;
      const before = stateAt[level - 1]!;
      const column = columnAt[node]! & (LARGE - 1);
      if (column !== columnAt[node]) {
        const isAlike = loops.all(before, kindsFrom[node]!);
        rows = automaton.rows;
        if (isAlike) {
          const shortest = rows[before]!;
          if (shortest !== NO_END && shortest <= nearest) {
            farthest = Math.max(farthest, shortest);
            setRange(bits, firstRank[node]!, firstRank[end[node]!]!);
          }
          node = end[node]!;
          continue;
        }
      }
      let next = rows[before + column]!;
      if (next <= 0) {
        if (next !== DEAD) next = automaton.step(before, column - 1);
        rows = automaton.rows;
        if (next === DEAD) {
          node = end[node]!;
          continue;
        }
      }
      stateAt[level] = next;
      const rank = rankAt[node++]!;
      const shortest = rows[next]!;
      if (shortest > farthest) {
        // Too far from an end, or no way to one in this vocabulary.
        if (shortest > nearest || shortest === NO_END) continue;
        farthest = shortest;
      }
      bits[rank >>> 5]! |= 1 << (rank & 31);
    }
    bits[tokens.length >>> 5]! &= ~(1 << (tokens.length & 31));
    return { bits, count: countBits(bits), farthest };
  }
}

function setRange(bits: Uint32Array, from: number, to: number): void {
  if (from === to) return;
  const [first, last] = [from >>> 5, (to - 1) >>> 5];
  const [begin, end] = [-1 << (from & 31), -1 >>> (31 - ((to - 1) & 31))];
  if (first === last) bits[first]! |= begin & end;
  else {
    bits[first]! |= begin;
    bits.fill(0xffffffff, first + 1, last);
    bits[last]! |= end;
  }
}

/** Sets the logits of all other tokens to -Infinity. */
export function apply({ bits, count }: Allowed, vocabulary: Vocabulary, logits: Float32Array): void {
  const { tokens, sameBytes, withoutBytes, ids } = vocabulary;
  const same = sameBytes.filter(([, rank]) => bits[rank >>> 5]! & (1 << (rank & 31)));
  const kept = same.map(([id]) => logits[id]!);
  if (8 * count < tokens.length) keepOnly(bits, count, tokens, logits);
  else {
    for (let word = 0; word < bits.length; word++)
      for (let unset = ~bits[word]!; unset !== 0; unset &= unset - 1) {
        const id = tokens[(word << 5) + lowest(unset)];
        if (id !== undefined) logits[id] = -Infinity;
      }
    for (const id of withoutBytes) logits[id] = -Infinity;
    for (const [id] of sameBytes) logits[id] = -Infinity;
    logits.fill(-Infinity, ids);
  }
  same.forEach(([id], i) => {
    logits[id] = kept[i]!;
  });
}

/** The ids of these tokens, of equal ones all. */
export function idsOf({ bits }: Allowed, { tokens, sameBytes }: Vocabulary): number[] {
  const ids = sameBytes.filter(([, place]) => bits[place >>> 5]! & (1 << (place & 31))).map(([id]) => id);
  for (let word = 0; word < bits.length; word++)
    for (let set = bits[word]!; set !== 0; set &= set - 1) ids.push(tokens[(word << 5) + lowest(set)]!);
  return ids;
}

/** Few are left, so it is faster to save and restore them. */
function keepOnly(bits: Uint32Array, count: number, tokens: Int32Array, logits: Float32Array): void {
  const ids = new Int32Array(count);
  const values = new Float32Array(count);
  let kept = 0;
  for (let word = 0; word < bits.length; word++)
    for (let set = bits[word]!; set !== 0; set &= set - 1) {
      const id = tokens[(word << 5) + lowest(set)]!;
      ids[kept] = id;
      values[kept++] = logits[id]!;
    }
  logits.fill(-Infinity);
  for (let i = 0; i < count; i++) logits[ids[i]!] = values[i]!;
}

/** The index of the lowest set bit. */
function lowest(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** The usual sums of adjacent bits, pairs and nibbles. */
function countBits(words: Uint32Array): number {
  let count = 0;
  for (const word of words) {
    const pairs = word - ((word >>> 1) & 0x55555555);
    const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
    count += Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}
