/** An earlier occurrence of the end of a text. */
export interface Occurrence {
  /** Matching tokens. */
  readonly length: number;
  /** The index of the token after the earlier occurrence. */
  readonly next: number;
}

/** The longest one, and another, with at least `SHORTEST` tokens, which may have fewer than match. */
export interface Match extends Occurrence {
  readonly other: Occurrence | undefined;
}

/** Matching tokens of other occurrences. */
const SHORTEST = 2;
/** Suffixes of the longest match that are looked up. */
const MOST_SUFFIXES = 8;

/**
 * All substrings of a growing token sequence (Blumer et al., 1985): after each token it knows the longest suffix that
 * occurred before. A token takes constant time on average.
 */
export class SuffixAutomaton {
  readonly tokens: number[] = [];
  readonly #edges: Map<number, number>[] = [new Map()];
  /** The state of the longest suffix that is in another state; -1 for the root. */
  readonly #links: number[] = [-1];
  readonly #lengths: number[] = [0];
  /** Index after the latest occurrence that was looked up, initially the first one, and after the one before that. */
  readonly #ends: number[] = [0];
  readonly #before: number[] = [0];
  #last = 0;

  push(token: number): void {
    const end = this.tokens.push(token);
    const added = this.#add(this.#lengths[this.#last]! + 1, end, new Map());
    let state = this.#last;
    for (; state >= 0 && !this.#edges[state]!.has(token); state = this.#links[state]!)
      this.#edges[state]!.set(token, added);
    this.#links[added] = state < 0 ? 0 : this.#suffixState(state, token);
    this.#last = added;
  }

  /** The longest suffix of the sequence that occurred before; later occurrences are preferred. */
  match(): Match {
    const longest = Math.max(0, this.#links[this.#last]!);
    const next = this.#ends[longest]!;
    let other: Occurrence | undefined;
    let state = longest;
    for (let i = 0; i < MOST_SUFFIXES && state >= 0 && this.#lengths[state]! >= SHORTEST; i++) {
      const length = this.#lengths[state]!;
      const end = [this.#ends[state]!, this.#before[state]!].find((end) => end > 0 && end !== next);
      if (end) other ??= { length, next: end };
      this.#before[state] = this.#ends[state]!;
      this.#ends[state] = this.tokens.length;
      state = this.#links[state]!;
    }
    return { length: this.#lengths[longest]!, next, other };
  }

  /** The state after `token` from `state`, without the longer strings that may share it. */
  #suffixState(state: number, token: number): number {
    const target = this.#edges[state]!.get(token)!;
    const length = this.#lengths[state]! + 1;
    if (this.#lengths[target] === length) return target;
    const clone = this.#add(length, this.#ends[target]!, new Map(this.#edges[target]!));
    this.#before[clone] = this.#before[target]!;
    this.#links[clone] = this.#links[target]!;
    this.#links[target] = clone;
    for (let at = state; at >= 0 && this.#edges[at]!.get(token) === target; at = this.#links[at]!)
      this.#edges[at]!.set(token, clone);
    return clone;
  }

  #add(length: number, end: number, edges: Map<number, number>): number {
    this.#links.push(0);
    this.#before.push(0);
    this.#lengths.push(length);
    this.#ends.push(end);
    return this.#edges.push(edges) - 1;
  }
}
