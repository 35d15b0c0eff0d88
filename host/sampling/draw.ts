import type { Candidates } from "./candidates.ts";
import { log } from "./log.ts";
import type { Settings } from "./settings.ts";

/** @param random in [0, 1) */
export type Draw = (candidates: Candidates, settings: Settings, random: number) => number;

export const cutAndDraw: Draw = (candidates, settings, random) => {
  cut(candidates, settings);
  candidates.weigh(settings.temperature);
  return candidates.draw(random).id;
};

/** min-p, top-a, top-p and top-k see the probabilities of all tokens; typical sees those of the remaining tokens. */
export function cut(candidates: Candidates, { topP, topK, minP, topA, typical }: Settings): void {
  if (topP < 1 || topA > 0) candidates.weigh(1);
  const share = Math.max(minP, topA > 0 ? topA / candidates.total : 0);
  const floor = share > 0 ? candidates.top + log(share) : -Infinity;
  const mass = topP < 1 ? topP * candidates.total : Infinity; // keeping all must not depend on the rounding of the sum
  const count = topK > 0 ? topK : Infinity;
  if (mass < Infinity || count < Infinity || share > 0) candidates.keepFirst({ mass, count, floor });
  if (typical < 1) {
    candidates.weigh(1);
    candidates.keepTypical(typical);
  }
}

/**
 * Mirostat 2 (Basu et al., 2021) as in llama.cpp: after the temperature, keeps the tokens of at most mu bits of
 * surprise, −log2 p; drawing a token with more surprise than tau lowers mu, with less raises it.
 */
export function mirostat({ mirostatTau, mirostatEta }: Settings): Draw {
  let mu = 2 * mirostatTau;
  return (candidates, { temperature }, random) => {
    candidates.weigh(temperature);
    const floor = candidates.top + temperature * (log(candidates.total) - mu * Math.LN2);
    candidates.keepFirst(floor <= candidates.top ? { floor } : { count: 1 });
    candidates.weigh(temperature);
    const { id, logit } = candidates.draw(random);
    const surprise = (log(candidates.total) - (logit - candidates.top) / temperature) / Math.LN2;
    mu -= mirostatEta * (surprise - mirostatTau);
    return id;
  };
}
