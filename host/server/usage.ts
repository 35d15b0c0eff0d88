import type { Usage } from "../session/usage.ts";
import type { PromptRead } from "./chat-answer.ts";

/** OpenAI's token counts. */
export interface UsageAnswer {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: {
    readonly reasoning_tokens: number;
    /** With `draft`: tokens that were read ahead and were, or were not, those of the text. */
    readonly accepted_prediction_tokens?: number;
    readonly rejected_prediction_tokens?: number;
  };
}

/** llama.cpp's speeds, which its web page and benchmarks read. */
export interface Timings {
  readonly cache_n: number;
  readonly prompt_n: number;
  readonly prompt_ms: number;
  readonly prompt_per_second: number;
  readonly predicted_n: number;
  readonly predicted_ms: number;
  readonly predicted_per_second: number;
}

export function usageAnswer(prompt: PromptRead, usages: readonly Usage[], reasoning: number): UsageAnswer {
  const completion = usages.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
  return {
    prompt_tokens: prompt.tokens,
    completion_tokens: completion,
    total_tokens: prompt.tokens + completion,
    prompt_tokens_details: { cached_tokens: prompt.cached },
    completion_tokens_details: { reasoning_tokens: reasoning, ...predictions(usages) },
  };
}

function predictions(usages: readonly Usage[]) {
  const drafts = usages.filter(({ draftedTokens }) => draftedTokens !== undefined);
  if (drafts.length === 0) return {};
  const accepted = drafts.reduce((sum, { acceptedTokens = 0 }) => sum + acceptedTokens, 0);
  const drafted = drafts.reduce((sum, { draftedTokens = 0 }) => sum + draftedTokens, 0);
  return { accepted_prediction_tokens: accepted, rejected_prediction_tokens: drafted - accepted };
}

export function timingsOf({ tokens, cached, seconds }: PromptRead, usages: readonly Usage[]): Timings {
  const read = tokens - cached;
  const made = usages.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
  const times = usages.map((usage) => usage.completionTokens / (usage.completionTokensPerSecond || Infinity));
  const madeSeconds = Math.max(0, ...times); // the answers are generated at the same time
  return {
    cache_n: cached,
    prompt_n: read,
    prompt_ms: 1000 * seconds,
    prompt_per_second: perSecond(read, seconds),
    predicted_n: made,
    predicted_ms: 1000 * madeSeconds,
    predicted_per_second: perSecond(made, madeSeconds),
  };
}

function perSecond(count: number, seconds: number): number {
  return seconds > 0 ? count / seconds : 0;
}
