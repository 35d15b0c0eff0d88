import { WkvError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { DEAD, NO_END } from "./automaton.ts";
import { Grammar, type Node } from "./grammar.ts";
import { apply, idsOf, Masks } from "./masks.ts";
import { type Vocabulary, vocabularyOf } from "./vocabulary.ts";

/** Restricts a text while it is generated token by token. */
export interface Constraint {
  /**
   * Masks every token that cannot come next: its logit becomes -Infinity. The end of the text is allowed if the text is
   * complete. Some token is always left, unless the text is {@link Constraint.finished}.
   * @param logits changed in place
   * @param left tokens that may still be generated; accepting one decrements it. When few are left, only tokens after
   *   which the text can be completed in time are allowed; if it is too late for that, as if there were enough.
   *   Default: unlimited.
   * @throws WkvError `bad-constraint` if there are too many alternatives to follow
   */
  mask(logits: Float32Array, left?: number): void;
  /**
   * The tokens that `mask` would leave in, where there are at most this many; undefined where there are more. Optional: with
   * it only those logits are computed.
   */
  allowed?(left: number, most: number): readonly number[] | undefined;
  /** Accepts a token. @throws RangeError for one that cannot come next */
  accept(token: number): void;
  /** Whether the text may end here. */
  readonly complete: boolean;
  /** Whether the text is complete, and no continuation could be completed in time. */
  readonly finished: boolean;
  /** A copy at the same point; it shares computed tables. */
  fork(): Constraint;
}

/**
 * The constraint of a grammar of bytes, for the tokens of a vocabulary.
 * @param rootOf creates the node of the whole text
 * @throws WkvError `bad-constraint` if the vocabulary cannot spell any matching text
 */
export function grammarConstraint(tokenizer: Tokenizer, rootOf: (grammar: Grammar) => Node): Constraint {
  const vocabulary = vocabularyOf(tokenizer);
  const grammar = new Grammar((byte) => vocabulary.hasByte[byte] === 1, vocabulary.characters);
  const root = rootOf(grammar);
  grammar.computeCosts();
  if (root.cost === Infinity)
    throw new WkvError(
      "bad-constraint",
      root === grammar.never || vocabulary.hasByte.every((has) => has)
        ? "The constraint matches no text: its parts contradict each other, or never end."
        : "The constraint matches no text that this vocabulary can spell: some required characters are not tokens.",
    );
  if (root === grammar.empty) throw new WkvError("bad-constraint", "The constraint matches only the empty text.");
  return new GrammarConstraint(vocabulary, { grammar, root });
}

/** A grammar of bytes as a constraint on the tokens of a vocabulary. */
class GrammarConstraint implements Constraint {
  readonly #vocabulary: Vocabulary;
  #masks: Masks;
  #state: number;
  /** Tokens that may still be generated. */
  #left = Infinity;

  /** @param from another one, to continue from its point */
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
