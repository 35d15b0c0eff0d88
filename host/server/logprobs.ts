import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** A token and the natural logarithm of its probability. */
export interface ScoredToken {
  readonly token: number;
  readonly logprob?: number;
  readonly topLogprobs?: readonly { readonly token: number; readonly logprob: number }[];
}

export interface TokenScore {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

export interface ContentScore extends TokenScore {
  readonly top_logprobs: readonly TokenScore[];
}

/** OpenAI's format. JSON has no infinity: a token with probability 0 gets the lowest number. */
const LEAST = -9999;

function tokenScore(tokenizer: Tokenizer, token: number, logprob: number): TokenScore {
  const bytes = [...tokenizer.tokenBytes(token)];
  return { token: tokenizer.decode([token]), logprob: Math.max(logprob, LEAST), bytes };
}

export function contentScore(
  tokenizer: Tokenizer,
  { token, logprob = LEAST, topLogprobs = [] }: ScoredToken,
): ContentScore {
  const top = topLogprobs.map((each) => tokenScore(tokenizer, each.token, each.logprob));
  return { ...tokenScore(tokenizer, token, logprob), top_logprobs: top };
}

/**
 * The tokens of an answer's text. Text may become certain some tokens later; tokens of thoughts, stop strings and calls
 * are omitted.
 */
export class TextTokens {
  readonly #endOfText: number | undefined;
  #waiting: ScoredToken[] = [];
  #thought = false;

  constructor({ endOfText }: Tokenizer) {
    this.#endOfText = endOfText;
  }

  push(piece: ScoredToken & { readonly text: string; readonly thinking?: string }): readonly ScoredToken[] {
    if (piece.thinking) {
      this.#waiting = [];
      this.#thought = true;
      return [];
    }
    if (piece.token !== this.#endOfText) this.#waiting.push(piece);
    if (piece.text === "") return [];
    const tokens = this.#thought ? this.#waiting.slice(-1) : this.#waiting; // the earlier ones end the thought
    this.#thought = false;
    this.#waiting = [];
    return tokens;
  }
}
