/** Counts and speed of a generation. Seconds exclude the time that the consumer spends between pieces. */
export interface Usage {
  /** Tokens of the prompt passed to `generate`. */
  readonly promptTokens: number;
  readonly promptTokensPerSecond: number;
  /** Generated tokens, including the one that ended the text. */
  readonly completionTokens: number;
  readonly completionTokensPerSecond: number;
  /** With `draft`: tokens read ahead, and how many of them became part of the text. */
  readonly draftedTokens?: number;
  readonly acceptedTokens?: number;
}

export type Drafts = Required<Pick<Usage, "draftedTokens" | "acceptedTokens">>;

export interface Timed {
  readonly tokens: number;
  readonly seconds: number;
}

export function usageOf(prompt: Timed, completion: Timed, drafts: Drafts | undefined): Usage {
  return {
    promptTokens: prompt.tokens,
    promptTokensPerSecond: rate(prompt),
    completionTokens: completion.tokens,
    completionTokensPerSecond: rate(completion),
    ...drafts,
  };
}

/** Tokens per second; 0 for 0 seconds. */
export function rate({ tokens, seconds }: Timed): number {
  return seconds > 0 ? tokens / seconds : 0;
}
