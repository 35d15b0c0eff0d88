import { MAX_WANTED } from "../engine/plan.ts";
import { type Match, SuffixAutomaton } from "./suffix-automaton.ts";
import type { Drafts } from "./usage.ts";

/** Matching tokens needed for the first draft, and the limits for later ones. */
const FIRST_MATCH = 6;
const LEAST_MATCH = 4;
const LONGEST_MATCH = 64;
/** A match that is so much longer than another is followed alone. */
const TRUSTED = 16;
/** Length of the first draft. */
const FIRST_DRAFT = 4;
/** Arrays of logits that are kept for the next draft. */
const MOST_SPARE = 4;
/** Tokens that are searched: 200 bytes of memory each. */
const MOST_TOKENS = 32_768;

/** The latest tokens read by a session. */
export class RecentTokens {
  #tokens: number[] = [];

  push(tokens: readonly number[]): void {
    for (const token of tokens) this.#tokens.push(token);
    if (this.#tokens.length > 2 * MOST_TOKENS) this.#tokens = this.#tokens.slice(-MOST_TOKENS);
  }

  /** Returns the tokens and clears the list. */
  take(): number[] {
    return this.#tokens.splice(0);
  }
}

/** The session operations that drafts need. */
export interface DraftedSession {
  /** Saves the session's current point, replacing the last one. */
  hold(): void;
  /** Returns to the saved point, which stays. */
  restore(): void;
  /** @returns the logits after the last token */
  feed(tokens: number[]): Promise<Float32Array>;
  /** @returns the logits after each token from index `from` on, in spare arrays as far as there are */
  feedEach(tokens: number[], from: number, spare: Float32Array[]): Promise<Float32Array[]>;
}

/**
 * Exact speculation. If the end of the text occurred before, the tokens that followed there are read together with the
 * next token in one pass, with logits after each. As long as the sampler draws the drafted tokens, its logits are
 * already computed; at the first other token the session goes back. Logits have the same bits as reading one by one, so
 * texts and draws do not change.
 *
 * A pass over five rows takes about twice as long as one over one row, so a wrong draft costs about one token's time:
 * after a wrong draft a longer match is required, after a correct one drafts get longer.
 */
export class LookupDraft {
  #text = new SuffixAutomaton();
  #least = FIRST_MATCH;
  #size = FIRST_DRAFT;
  /** Tokens read ahead, the logits after those from `#from` on, and how many have been drawn. */
  #read: number[] = [];
  #rows: Float32Array[] = [];
  /** Rows that are over: a new array of 262 KB takes 0.4 ms. */
  readonly #spare: Float32Array[] = [];
  #from = 0;
  #drawn = 0;
  /** Index of the draft's first token, and whether it was cut at a value. */
  #start = 0;
  #isCut = false;
  /** Indices of tokens that were not what followed before. */
  #values = new Set<number>();
  #counts = { draftedTokens: 0, acceptedTokens: 0 };

  get counts(): Drafts {
    return { ...this.#counts };
  }

  /** Starts a generation, after the prompt has been read. */
  begin(tokens: Iterable<number>): void {
    this.#counts = { draftedTokens: 0, acceptedTokens: 0 };
    for (const token of tokens) this.#push(token);
  }

  /** Reads a drawn token. @param left how many tokens may follow */
  async next(session: DraftedSession, token: number, left: number): Promise<Float32Array> {
    const match = this.#push(token);
    if (this.#drawn < this.#read.length && this.#read[this.#drawn] === token) {
      this.#counts.acceptedTokens++;
      return this.#rows[this.#drawn++ - this.#from] as Float32Array;
    }
    this.#learn();
    const wrong = this.#drawn < this.#read.length;
    const tokens = wrong ? [...this.#read.slice(0, this.#drawn), token] : [token];
    this.#clear();
    if (wrong) session.restore();
    const draft = this.#draft(match, Math.min(this.#size, left, MAX_WANTED - 1));
    if (draft.length === 0) return session.feed(tokens);
    if (!wrong) session.hold();
    this.#counts.draftedTokens += draft.length;
    this.#from = tokens.length - 1;
    this.#rows = await session.feedEach([...tokens, ...draft], this.#from, this.#spare);
    this.#read = [...tokens, ...draft];
    this.#drawn = tokens.length;
    return this.#rows[0] as Float32Array;
  }

  /** Moves the session to the end of the drawn tokens. */
  async finish(session: DraftedSession): Promise<void> {
    const tokens = this.#read.slice(0, this.#drawn);
    const ahead = this.#drawn < this.#read.length;
    this.#clear();
    if (!ahead) return;
    session.restore();
    await session.feed(tokens);
  }

  #push(token: number): Match {
    if (this.#text.tokens.length >= MOST_TOKENS) this.#forget();
    this.#text.push(token);
    return this.#text.match();
  }

  /**
   * What followed two earlier occurrences, as far as both agree: records repeat their keys and not their values. What
   * followed a single one, or one that is much longer than the other, if it is long enough. Neither goes over a value.
   */
  #draft({ length, next, other }: Match, most: number): number[] {
    const { tokens } = this.#text;
    const rest = tokens.slice(next, next + most);
    const isAlone = !other || length >= other.length + TRUSTED;
    if (isAlone && length < this.#least) return [];
    const varies = (token: number, i: number) =>
      this.#values.has(next + i) ||
      (!isAlone && (this.#values.has(other.next + i) || token !== tokens[other.next + i]));
    const end = rest.findIndex(varies);
    this.#start = tokens.length;
    this.#isCut = end >= 0;
    if (end === 0) this.#values.add(tokens.length);
    return end < 0 ? rest : rest.slice(0, end);
  }

  #learn(): void {
    const drafted = this.#read.length - this.#from - 1;
    if (this.#read.length === 0) return;
    const right = this.#drawn - this.#from - 1;
    if (right < drafted || this.#isCut) this.#values.add(this.#start + right);
    if (right === drafted) {
      this.#size = Math.min(2 * this.#size, MAX_WANTED - 1);
      this.#least = Math.max(LEAST_MATCH, this.#least - 1);
    } else if (right < 2) {
      this.#size = FIRST_DRAFT;
      this.#least = Math.min(2 * this.#least, LONGEST_MATCH);
    }
  }

  #clear(): void {
    this.#read = [];
    this.#spare.push(...this.#rows.slice(0, MOST_SPARE - this.#spare.length));
    this.#rows = [];
    this.#from = 0;
    this.#drawn = 0;
  }

  /** Starts again from the later half. */
  #forget(): void {
    const later = this.#text.tokens.slice(MOST_TOKENS / 2);
    this.#text = new SuffixAutomaton();
    this.#values.clear();
    for (const token of later) this.#push(token);
  }
}
