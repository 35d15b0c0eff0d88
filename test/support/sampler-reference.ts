/** What the sampler must do, written down as plainly as can be: every token, sorted, in f64. */
import type { SamplerOptions } from "../../host/sampling/index.ts";

export interface Choice {
  id: number;
  /** After the changes of step 1. */
  logit: number;
  /** Of being drawn. */
  p: number;
}

/** Logits after penalties, bias and bans. `drawn`: what was drawn before, the first one first. */
export function edited(logits: Float32Array, drawn: readonly number[], options: SamplerOptions): number[] {
  const { presencePenalty = 0, frequencyPenalty = 0, repetitionPenalty = 1, penaltyDecay = 0.996 } = options;
  const exempt = [...(options.penaltyExempt ?? [])];
  const banned = [...(options.bannedTokens ?? [])];
  return Array.from(logits, (logit, id) => {
    if (drawn.includes(id)) {
      let count = 0;
      for (const [i, token] of drawn.entries())
        if (token === id && !exempt.includes(id)) count += penaltyDecay ** (drawn.length - 1 - i);
      logit = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
      logit = Math.fround(logit - presencePenalty - frequencyPenalty * count);
    }
    logit = Math.fround(logit + (options.logitBias?.[id] ?? 0));
    return banned.includes(id) ? -Infinity : logit;
  });
}

/** The tokens that may be drawn, the likeliest first, with their probabilities. */
export function choices(logits: readonly number[], options: SamplerOptions): Choice[] {
  const { temperature = 1, topP = 0.5, topK = 0, minP = 0, topA = 0, typical = 1 } = options;
  let kept = softmax(ranked(logits), 1);
  const best = kept[0]!.p;
  const whole = kept;
  let before = 0;
  kept = whole.filter(({ p }, rank) => {
    const isIn =
      rank === 0 ||
      ((topP === 1 || before < topP) && (topK === 0 || rank < topK) && p >= minP * best && p >= topA * best ** 2);
    before += p;
    return isIn;
  });
  if (typical < 1) kept = typicalOf(softmax(kept, 1), typical);
  return softmax(kept, temperature);
}

function typicalOf(kept: Choice[], typical: number): Choice[] {
  const entropy = -kept.reduce((sum, { p }) => sum + (p > 0 ? p * Math.log(p) : 0), 0);
  const distance = ({ p }: Choice) => Math.abs(-Math.log(p) - entropy);
  const nearest = [...kept].sort((a, b) => distance(a) - distance(b) || a.id - b.id);
  let before = 0;
  const chosen = nearest.filter(({ p }) => {
    const isIn = before < typical;
    before += p;
    return isIn;
  });
  return kept.filter((choice) => chosen.includes(choice));
}

/** Those whose surprise is at most mu bits, at least one. */
export function mirostatChoices(logits: readonly number[], temperature: number, mu: number): Choice[] {
  const all = softmax(ranked(logits), temperature);
  return softmax(
    all.filter(({ p }, rank) => rank === 0 || -Math.log2(p) <= mu),
    temperature,
  );
}

function ranked(logits: readonly number[]): Choice[] {
  const all = logits.map((logit, id) => ({ id, logit, p: 0 })).filter(({ logit }) => logit > -Infinity);
  return all.sort((a, b) => b.logit - a.logit || a.id - b.id);
}

function softmax(kept: Choice[], temperature: number): Choice[] {
  const top = Math.max(...kept.map(({ logit }) => logit));
  const weights = kept.map(({ logit }) => Math.exp((logit - top) / temperature));
  const sum = weights.reduce((a, b) => a + b, 0);
  return kept.map((choice, i) => ({ ...choice, p: weights[i]! / sum }));
}

/** Whether the drawn token's share of [0, 1), in the order of the choices, holds the random number. */
export function isDrawn(token: number, all: readonly Choice[], random: number, tolerance = 2e-6): boolean {
  const at = all.findIndex(({ id }) => id === token);
  if (at < 0) return false;
  const before = all.slice(0, at).reduce((sum, { p }) => sum + p, 0);
  return random >= before - tolerance && random < before + all[at]!.p + tolerance;
}
