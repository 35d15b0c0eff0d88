/** The sampler on its own: `import { createSampler } from "wkv/sampler"`. */
import { checkNames } from "../options/names.ts";
import { Candidates } from "./candidates.ts";
import { cutAndDraw, mirostat } from "./draw.ts";
import { Edits } from "./edits.ts";
import { log } from "./log.ts";
import { checkLogits } from "./logits.ts";
import { SAMPLER_OPTIONS, type SamplerOptions } from "./options.ts";
import { generator } from "./random.ts";
import { resolveOptions, type Settings } from "./settings.ts";
import { sharedKernel } from "./wasm-kernel.ts";

export { checkLogits } from "./logits.ts";
export { PRESETS, type Preset, type SamplerOptions, type TokenIds } from "./options.ts";

/** Picks a token id from logits, which stay unchanged, and counts it as drawn. */
export type Sampler = (logits: Float32Array) => number;

/**
 * Penalties, bias, bans and the caller's function change the logits; then, in the order of BlinkDL's pipeline: softmax,
 * cuts, temperature (p^(1/temperature)), draw. Tokens of equal probability count in the order of their ids. A logit
 * of -Infinity is never picked.
 * @throws WkvError `bad-file` from the sampler for logits that are NaN, +Infinity, or -Infinity alone; TypeError or RangeError for an option that does not exist, is out of its range, or contradicts another one
 * @example
 * const sample = createSampler({ temperature: 0.8, topP: 0.9, seed: 1 });
 * let token = sample(await session.feed(model.tokenizer.encode("Once")));
 * for (let i = 0; i < 3; i++) token = sample(await session.feed(token));
 */
export function createSampler(options: SamplerOptions = {}): Sampler {
  checkNames(options, SAMPLER_OPTIONS, "createSampler");
  const settings = resolveOptions(options);
  const edits = new Edits(settings);
  const pick = picker(settings);
  return (logits) => {
    checkLogits(logits);
    const edited = edits.apply(logits);
    const token = pick(edited);
    if (!((edited[token] as number) > -Infinity))
      throw new RangeError('"logits" expected at least one token that is not banned, got none');
    edits.accept(token);
    return token;
  };
}

function picker(settings: Settings): Sampler {
  const { temperature, topP, topK, mirostatTau, seed } = settings;
  if (temperature === 0 || topP === 0 || topK === 1) return mostLikely;
  const candidates = new Candidates(sharedKernel());
  const random = generator(seed);
  const draw = Number.isNaN(mirostatTau) ? cutAndDraw : mirostat(settings);
  return (logits) => (candidates.load(logits) ? draw(candidates, settings, random()) : mostLikely(logits));
}

/**
 * Index of the largest logit; the first of equals.
 * @example
 * console.log(mostLikely(await session.feed([1, 2])));
 */
export function mostLikely(logits: Float32Array): number {
  const candidates = new Candidates(sharedKernel());
  candidates.load(logits);
  return Math.max(logits.indexOf(candidates.top), 0);
}

/** A token and the natural logarithm of its probability. */
export interface TokenLogprob {
  readonly token: number;
  readonly logprob: number;
}

/**
 * Natural logarithm of a token's probability, within 1e-7. NaN where no logit is finite.
 * @example
 * const logits = await session.feed([1, 2]);
 * console.log(Math.exp(logProbability(logits, mostLikely(logits))));
 */
export function logProbability(logits: Float32Array, token: number): number {
  return logProbabilities(logits, token, 0).logprob;
}

/**
 * The same, and the most likely tokens with theirs.
 * @example
 * const { logprob, topLogprobs } = logProbabilities(await session.feed([1, 2]), 3, 5);
 * console.log(logprob, topLogprobs.map(({ token }) => token));
 */
export function logProbabilities(
  logits: Float32Array,
  token: number,
  alternatives: number,
): TokenLogprob & { readonly topLogprobs: readonly TokenLogprob[] } {
  const candidates = new Candidates(sharedKernel());
  if (!candidates.load(logits)) return { token, logprob: Number.NaN, topLogprobs: [] };
  candidates.weigh(1);
  const all = candidates.top + log(candidates.total);
  if (alternatives > 0) candidates.keepFirst({ count: alternatives });
  const first = alternatives > 0 ? candidates.list() : [];
  const topLogprobs = first.map(({ id, logit }) => ({ token: id, logprob: logit - all }));
  return { token, logprob: (logits[token] as number) - all, topLogprobs };
}
