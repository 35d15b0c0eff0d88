import { Automaton, DEAD, NO_END } from "./automaton.ts";
import type { Grammar } from "./grammar.ts";
import { Loops } from "./loops.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The tokens that may come in a state. */
export interface Allowed {
  /** Bit `place % 32` of word `place >> 5`, by the places of {@link Vocabulary.tokens}. */
  readonly bits: Uint32Array;
  readonly count: number;
  /** The most tokens that completing the text may still take after one of these. */
  readonly farthest: number;
}

/** Of masks that are kept; one of World has 8 KiB. */
const MAX_KEPT_BYTES = 16 << 20;
/** From so many nodes below one on it pays to ask whether all of them are the same. */
const MANY = 16;
/** A bit of a column, for nodes with so many below them. */
const LARGE = 1 << 15;

/** An automaton with the masks of its states. */
export class Masks {
  readonly automaton: Automaton;
  readonly #vocabulary: Vocabulary;
  readonly #kept = new Map<number, Allowed>();
  /** `[node]`: where in a row its byte is, and {@link LARGE}. */
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

  /** What may come in `state`, if the text is to be complete after `left` more tokens. */
  allowed(state: number, left: number): Allowed {
    const all = this.#kept.get(state) ?? this.#compute(state);
    if (all.farthest < left) return all;
    const near = this.#walk(state, left - 1);
    return near.count > 0 || this.automaton.isComplete(state) ? near : all;
  }

  /** A token can only be so long, so places that differ in what is beyond that share a mask. */
  #compute(state: number): Allowed {
    const like = this.automaton.withoutCounts(state, this.#vocabulary.deepest);
    const allowed = this.#kept.get(like) ?? this.#walk(like, Infinity);
    if ((this.#kept.size + 2) * allowed.bits.byteLength > MAX_KEPT_BYTES) this.#kept.clear();
    this.#kept.set(like, allowed).set(state, allowed);
    return allowed;
  }

  /**
   * Goes through the vocabulary and the automaton together, and leaves out what is below a byte that cannot come. Where
   * all bytes at and below a node lead back to the state before it, such as letters inside a string, the tokens there are
   * taken at once.
   */
  #walk(state: number, nearest: number): Allowed {
    const { automaton } = this;
    const { size, depth, end, placeAt, tokens, kindsFrom, firstPlace } = this.#vocabulary;
    const loops = this.#loops;
    const columnAt = this.#columnAt;
    const stateAt = this.#stateAt;
    let { rows } = automaton;
    // One bit more, for the nodes without a token: setting it costs less than a branch that cannot be foreseen.
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
            setRange(bits, firstPlace[node]!, firstPlace[end[node]!]!);
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
      const place = placeAt[node++]!;
      const shortest = rows[next]!;
      if (shortest > farthest) {
        // Too far from an end, or with no way to one in this vocabulary.
        if (shortest > nearest || shortest === NO_END) continue;
        farthest = shortest;
      }
      bits[place >>> 5]! |= 1 << (place & 31);
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
  const same = sameBytes.filter(([, place]) => bits[place >>> 5]! & (1 << (place & 31)));
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

/** Few are left, so it is faster to put them aside. */
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

/** The number of the lowest bit that is set. */
function lowest(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** The usual sums of neighbouring bits, pairs and fours. */
function countBits(words: Uint32Array): number {
  let count = 0;
  for (const word of words) {
    const pairs = word - ((word >>> 1) & 0x55555555);
    const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
    count += Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}
