import { Automaton, DEAD } from "./automaton.ts";
import type { Grammar, Node } from "./grammar.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What a text may be, as it is made token by token. */
export interface Constraint {
  /**
   * Takes every token out that cannot come next: its logit becomes -Infinity. The end of the text may come where the
   * text is complete. Some token is always left, unless the text is {@link Constraint.finished}.
   * @param logits changed in place
   * @param left tokens that may still be made. Once there are few, only those are left in that can be completed within
   *   them; where nothing can, as if there were enough.
   * @throws WkvError `bad-constraint` where there are more ways to go on than can be followed
   */
  mask(logits: Float32Array, left?: number): void;
  /** Takes a token in. @throws RangeError for one that cannot come next */
  accept(token: number): void;
  /** The text may end here. */
  readonly complete: boolean;
  /** The text is complete, and nothing can follow. */
  readonly finished: boolean;
  /** Another one at the same place. It shares what was computed. */
  fork(): Constraint;
}

/** The tokens that may come in a state. */
interface Allowed {
  /** Bit `id % 32` of word `id >> 5`. */
  readonly bits: Uint32Array;
  readonly count: number;
  /** The most tokens that completing the text may still take after one of these. */
  readonly farthest: number;
}

/** Of masks that are kept; one of World has 8 KiB. */
const MAX_KEPT_BYTES = 16 << 20;

/** An automaton with the masks of its states. */
class Masks {
  readonly automaton: Automaton;
  readonly #vocabulary: Vocabulary;
  readonly #kept = new Map<number, Allowed>();
  /** The state after the bytes so far, by depth in the tree. */
  readonly #stateAt: Int32Array;

  constructor(grammar: Grammar, vocabulary: Vocabulary) {
    this.automaton = new Automaton(grammar, 256);
    this.#vocabulary = vocabulary;
    this.#stateAt = new Int32Array(vocabulary.deepest + 1);
  }

  renewed(): Masks {
    return new Masks(this.automaton.grammar, this.#vocabulary);
  }

  /** What may come in `state`, if the text is to be complete after `left` more tokens. */
  allowed(state: number, left: number): Allowed {
    let all = this.#kept.get(state);
    if (!all) {
      all = this.#walk(state, Infinity);
      if ((this.#kept.size + 1) * all.bits.byteLength > MAX_KEPT_BYTES) this.#kept.clear();
      this.#kept.set(state, all);
    }
    if (all.farthest < left) return all;
    const near = this.#walk(state, left - 1);
    return near.count > 0 || this.automaton.isComplete(state) ? near : all;
  }

  /** Goes through the vocabulary and the automaton together, and leaves out what is below a byte that cannot come. */
  #walk(state: number, nearest: number): Allowed {
    const { automaton } = this;
    const { size, byte, depth, end, firstToken, tokens, ids } = this.#vocabulary;
    const { classOf, classes } = automaton;
    const stateAt = this.#stateAt;
    const bits = new Uint32Array((ids + 31) >>> 5);
    let count = 0;
    let farthest = 0;
    stateAt[0] = state;
    automaton.begin();
    for (let node = 1; node < size; ) {
      const before = stateAt[depth[node]! - 1]!;
      const symbolClass = classOf[byte[node]!]!;
      const next = automaton.rows[before * classes + symbolClass] || automaton.step(before, symbolClass);
      if (next === DEAD) {
        node = end[node]!;
        continue;
      }
      stateAt[depth[node]!] = next;
      const from = firstToken[node]!;
      const to = firstToken[++node]!;
      if (from === to) continue;
      const shortest = automaton.shortest(next);
      // Infinite: no way to an end from here in this vocabulary.
      if (shortest > nearest || shortest === Infinity) continue;
      if (shortest > farthest) farthest = shortest;
      for (let i = from; i < to; i++) {
        const id = tokens[i]!;
        bits[id >>> 5]! |= 1 << (id & 31);
        count++;
      }
    }
    return { bits, count, farthest };
  }
}

/** A grammar of bytes as a constraint on the tokens of a vocabulary. */
export class GrammarConstraint implements Constraint {
  readonly #vocabulary: Vocabulary;
  #masks: Masks;
  #state: number;

  /** @param from another one, to go on from where it is */
  constructor(vocabulary: Vocabulary, from: { grammar: Grammar; root: Node } | GrammarConstraint) {
    this.#vocabulary = vocabulary;
    if (from instanceof GrammarConstraint) {
      this.#masks = from.#masks;
      this.#state = from.#state;
    } else {
      this.#masks = new Masks(from.grammar, vocabulary);
      this.#state = this.#masks.automaton.enter(from.root);
    }
  }

  get complete(): boolean {
    return this.#masks.automaton.isComplete(this.#state);
  }

  get finished(): boolean {
    return this.complete && this.#masks.allowed(this.#state, Infinity).count === 0;
  }

  mask(logits: Float32Array, left = Infinity): void {
    this.#moveFromLarge();
    const { bits } = this.#masks.allowed(this.#state, left);
    const { endOfText } = this.#vocabulary;
    const ending = endOfText !== undefined && this.complete ? logits[endOfText]! : -Infinity;
    for (let word = 0; word << 5 < logits.length; word++) {
      const first = word << 5;
      const set = bits[word] ?? 0;
      if (set === 0) logits.fill(-Infinity, first, first + 32);
      else if (set !== 0xffffffff)
        for (let bit = 0; bit < 32; bit++) if ((set & (1 << bit)) === 0) logits[first + bit] = -Infinity;
    }
    if (endOfText !== undefined) logits[endOfText] = ending;
  }

  accept(token: number): void {
    const { automaton } = this.#masks;
    const bytes = this.#vocabulary.bytesOf(token);
    let state = bytes.length === 0 ? DEAD : this.#state;
    for (const byte of bytes) {
      if (state === DEAD) break;
      automaton.begin();
      state = automaton.step(state, automaton.classOf[byte]!);
    }
    if (state === DEAD || automaton.shortest(state) === Infinity)
      throw new RangeError(`"token" expected one that the constraint allows here, got ${token}`);
    this.#state = state;
  }

  fork(): GrammarConstraint {
    return new GrammarConstraint(this.#vocabulary, this);
  }

  #moveFromLarge(): void {
    const { automaton } = this.#masks;
    if (!automaton.isLarge) return;
    const masks = this.#masks.renewed();
    this.#state = automaton.moveTo(masks.automaton, this.#state);
    this.#masks = masks;
  }
}
