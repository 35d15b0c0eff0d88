import { WkvError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { DEAD, NO_END } from "./automaton.ts";
import { Grammar, type Node } from "./grammar.ts";
import { apply, idsOf, Masks } from "./masks.ts";
import { type Vocabulary, vocabularyOf } from "./vocabulary.ts";

/** What a text may be, as it is made token by token. */
export interface Constraint {
  /**
   * Takes every token out that cannot come next: its logit becomes -Infinity. The end of the text may come where the
   * text is complete. Some token is always left, unless the text is {@link Constraint.finished}.
   * @param logits changed in place
   * @param left tokens that may still be made; accepting one makes it one less. Once there are few, only those are left
   *   in after which the text can be completed in time; where that is too late, as if there were enough. Default: any
   *   number.
   * @throws WkvError `bad-constraint` where there are more ways to go on than can be followed
   */
  mask(logits: Float32Array, left?: number): void;
  /**
   * The tokens that `mask` would leave in, where there are at most so many; undefined where there are more. Optional: with
   * it only those logits are computed.
   */
  allowed?(left: number, most: number): readonly number[] | undefined;
  /** Takes a token in. @throws RangeError for one that cannot come next */
  accept(token: number): void;
  /** The text may end here. */
  readonly complete: boolean;
  /** The text is complete, and nothing can follow that would be complete in time. */
  readonly finished: boolean;
  /** Another one at the same place. It shares what was computed. */
  fork(): Constraint;
}

/**
 * The constraint of a grammar of bytes, for the tokens of a vocabulary.
 * @param rootOf makes the node that the whole text is
 * @throws WkvError `bad-constraint` where no text is left that the vocabulary can spell
 */
export function grammarConstraint(tokenizer: Tokenizer, rootOf: (grammar: Grammar) => Node): Constraint {
  const vocabulary = vocabularyOf(tokenizer);
  const grammar = new Grammar((byte) => vocabulary.hasByte[byte] === 1, vocabulary.characters);
  const root = rootOf(grammar);
  grammar.settle();
  if (root.cost === Infinity)
    throw new WkvError(
      "bad-constraint",
      root === grammar.never || vocabulary.hasByte.every((has) => has)
        ? "The constraint holds for no text at all: its parts contradict one another, or never end."
        : "The constraint holds for no text that this vocabulary can spell: some characters that it needs are no tokens.",
    );
  if (root === grammar.empty) throw new WkvError("bad-constraint", "The constraint holds for the empty text alone.");
  return new GrammarConstraint(vocabulary, { grammar, root });
}

/** A grammar of bytes as a constraint on the tokens of a vocabulary. */
class GrammarConstraint implements Constraint {
  readonly #vocabulary: Vocabulary;
  #masks: Masks;
  #state: number;
  /** Tokens that may still be made. */
  #left = Infinity;

  /** @param from another one, to go on from where it is */
  constructor(vocabulary: Vocabulary, from: { grammar: Grammar; root: Node } | GrammarConstraint) {
    this.#vocabulary = vocabulary;
    if (from instanceof GrammarConstraint) {
      this.#masks = from.#masks;
      this.#state = from.#state;
      this.#left = from.#left;
    } else {
      this.#masks = new Masks(from.grammar, vocabulary);
      this.#state = this.#masks.automaton.enter(from.root);
    }
  }

  get complete(): boolean {
    return this.#masks.automaton.isComplete(this.#state);
  }

  get finished(): boolean {
    return this.complete && this.#masks.allowed(this.#state, this.#left).count === 0;
  }

  mask(logits: Float32Array, left = Infinity): void {
    this.#left = left;
    this.#moveFromLarge();
    const { endOfText } = this.#vocabulary;
    const ending = endOfText !== undefined && this.complete ? logits[endOfText]! : -Infinity;
    apply(this.#masks.allowed(this.#state, left), this.#vocabulary, logits);
    if (endOfText !== undefined) logits[endOfText] = ending;
  }

  allowed(left: number, most: number): readonly number[] | undefined {
    this.#left = left;
    this.#moveFromLarge();
    const allowed = this.#masks.allowed(this.#state, left);
    if (allowed.count > most) return undefined;
    const ids = idsOf(allowed, this.#vocabulary);
    const { endOfText } = this.#vocabulary;
    return endOfText !== undefined && this.complete ? [...ids, endOfText] : ids;
  }

  accept(token: number): void {
    const { automaton } = this.#masks;
    const bytes = this.#vocabulary.bytesOf(token);
    let state = bytes.length === 0 ? DEAD : this.#state;
    automaton.begin();
    for (const byte of bytes) if (state !== DEAD) state = automaton.step(state, automaton.classOf[byte]!);
    if (state === DEAD || automaton.rows[state] === NO_END)
      throw new RangeError(`"token" expected one that the constraint allows here, got ${token}`);
    this.#state = state;
    this.#left--;
  }

  fork(): GrammarConstraint {
    return new GrammarConstraint(this.#vocabulary, this);
  }

  #moveFromLarge(): void {
    const { automaton } = this.#masks;
    if (!automaton.isLarge) return;
    const masks = new Masks(automaton.grammar, this.#vocabulary);
    this.#state = automaton.moveTo(masks.automaton, this.#state);
    this.#masks = masks;
  }
}
