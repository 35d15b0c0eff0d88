/** What a generation read and made. Seconds are those of the model and the sampler, not of whoever takes the pieces. */
export interface Usage {
  /** Of the prompt that `generate` was given. */
  readonly promptTokens: number;
  readonly promptTokensPerSecond: number;
  /** Those made, with the one that ended the text. */
  readonly completionTokens: number;
  readonly completionTokensPerSecond: number;
}

export interface Timed {
  readonly tokens: number;
  readonly seconds: number;
}

export function usageOf(prompt: Timed, completion: Timed): Usage {
  return {
    promptTokens: prompt.tokens,
    promptTokensPerSecond: rate(prompt),
    completionTokens: completion.tokens,
    completionTokensPerSecond: rate(completion),
  };
}

/** Tokens a second; 0 where no time went by. */
export function rate({ tokens, seconds }: Timed): number {
  return seconds > 0 ? tokens / seconds : 0;
}
