/** The sampler alone: `import { createSampler } from "wkv/sampler"`. */
import { Candidates } from "./sampling/candidates.ts";
import { Edits } from "./sampling/edits.ts";
import { sharedKernel } from "./sampling/kernel.ts";
import { log } from "./sampling/log.ts";
import { type SamplerOptions, type Settings, settle } from "./sampling/options.ts";
import { generator } from "./sampling/random.ts";

export type { SamplerOptions } from "./sampling/options.ts";
export { PRESETS, type Preset } from "./sampling/presets.ts";

/** Picks a token id from logits, which it leaves as they are, and counts it as drawn. */
export type Sampler = (logits: Float32Array) => number;

/**
 * Penalties, bias, bans and the caller's function change the logits; then, in the order of BlinkDL's pipeline: softmax,
 * cuts, temperature (p^(1/temperature)), draw. Tokens of equal probability count in the order of their ids. A logit
 * that is NaN is never picked.
 * @throws TypeError or RangeError for an option out of its range, or options that contradict one another
 */
export function createSampler(options: SamplerOptions = {}): Sampler {
  const settings = settle(options);
  const edits = new Edits(settings);
  const pick = picker(settings);
  return (logits) => {
    const edited = edits.apply(logits);
    const token = pick(edited);
    if (edited !== logits && !((edited[token] as number) > -Infinity))
      throw new RangeError('"logits" expected a token that is not banned, got none');
    edits.accept(token);
    return token;
  };
}

function picker(settings: Settings): Sampler {
  const { temperature, topP, topK, mirostatTau, seed } = settings;
  if (temperature === 0 || topP === 0 || topK === 1) return mostLikely;
  const candidates = new Candidates(sharedKernel());
  const random = generator(seed);
  const draw = Number.isNaN(mirostatTau) ? cutAndDraw : mirostat(mirostatTau);
  return (logits) => (candidates.load(logits) ? draw(candidates, settings, random()) : mostLikely(logits));
}

/** min-p, top-a, top-p and top-k look at the probabilities of all tokens; typical at those of what they leave. */
function cutAndDraw(candidates: Candidates, settings: Settings, random: number): number {
  const { temperature, topP, topK, minP, topA, typical } = settings;
  if (topP < 1 || topA > 0) candidates.weigh(1);
  const share = Math.max(minP, topA / candidates.total);
  const floor = share > 0 ? candidates.top + log(share) : -Infinity;
  const mass = topP < 1 ? topP * candidates.total : Infinity; // keeping all must not depend on how their sum is rounded
  const count = topK > 0 ? topK : Infinity;
  if (mass < Infinity || count < Infinity || share > 0) candidates.keepFirst({ mass, count, floor });
  if (typical < 1) {
    candidates.weigh(1);
    candidates.keepTypical(typical);
  }
  candidates.weigh(temperature);
  return candidates.draw(random).id;
}

/**
 * Mirostat 2 (Basu et al., 2021) as llama.cpp has it: after the temperature, keeps the tokens of at most mu bits of
 * surprise, −log2 p; a token drawn with more surprise than tau lowers mu, one with less raises it.
 */
function mirostat(tau: number): typeof cutAndDraw {
  let mu = 2 * tau;
  return (candidates, { temperature, mirostatEta }, random) => {
    candidates.weigh(temperature);
    const floor = candidates.top + temperature * (log(candidates.total) - mu * Math.LN2);
    candidates.keepFirst(floor <= candidates.top ? { floor } : { count: 1 });
    candidates.weigh(temperature);
    const { id, logit } = candidates.draw(random);
    const surprise = (log(candidates.total) - (logit - candidates.top) / temperature) / Math.LN2;
    mu -= mirostatEta * (surprise - tau);
    return id;
  };
}

/** Index of the largest logit; the first of equals. */
export function mostLikely(logits: Float32Array): number {
  let best = -1;
  let top = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    if (logit > top || (best < 0 && logit === top)) {
      top = logit;
      best = i;
    }
  }
  return Math.max(best, 0);
}

/** A token and the natural logarithm of its probability. */
export interface TokenLogprob {
  readonly token: number;
  readonly logprob: number;
}

/** Natural logarithm of a token's probability, within 1e-7. NaN where no logit is finite. */
export function logProbability(logits: Float32Array, token: number): number {
  return logProbabilities(logits, token, 0).logprob;
}

/** The same, and the most likely tokens with theirs. */
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
