/** The sampler alone: `import { createSampler } from "wkv/sampler"`. */

export interface SamplerOptions {
  /** 0: always the most likely token. Above 1 more surprising, below 1 less. Default 1. */
  temperature?: number | undefined;
  /** Keeps the most likely tokens that together have this probability. Default 0.5; 1 keeps all. */
  topP?: number | undefined;
  /** Keeps at most so many tokens. Default 0: no limit. */
  topK?: number | undefined;
  /** The same seed gives the same tokens on every machine. Default: a random one. */
  seed?: number | undefined;
}

/** Picks a token id from logits, which it leaves as they are. */
export type Sampler = (logits: Float32Array) => number;

/**
 * Steps in the order of BlinkDL's pipeline: softmax, top-p, top-k, temperature (p^(1/temperature)), draw.
 * Tokens of equal probability count in the order of their ids. A logit that is NaN is never picked.
 * @throws RangeError for an option out of its range
 */
export function createSampler(options: SamplerOptions = {}): Sampler {
  const { temperature = 1, topP = 0.5, topK = 0, seed = randomSeed() } = options;
  expectRange("temperature", temperature, temperature >= 0 && temperature < Infinity, "a number from 0 on");
  expectRange("topP", topP, topP >= 0 && topP <= 1, "a number from 0 to 1");
  expectRange("topK", topK, Number.isInteger(topK) && topK >= 0, "a whole number from 0 on");
  expectRange("seed", seed, Number.isSafeInteger(seed) && seed >= 0, "a whole number from 0 on");
  if (temperature === 0 || topP === 0 || topK === 1) return mostLikely;
  const random = generator(seed);
  return (logits) => {
    const kept = keepTop(logits, topP, topK);
    return draw(kept, temperature, random());
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

/** Natural logarithm of a token's probability. */
export function logProbability(logits: Float32Array, token: number): number {
  const top = logits[mostLikely(logits)] as number;
  let sum = 0;
  for (const logit of logits) if (logit <= top) sum += exp(logit - top);
  return (logits[token] as number) - top - Math.log(sum);
}

interface Candidate {
  readonly id: number;
  /** logit − largest logit */
  readonly log: number;
  /** e^log */
  readonly weight: number;
}

/** The likeliest tokens, as many as topP and topK leave. */
function keepTop(logits: Float32Array, topP: number, topK: number): Candidate[] {
  const best = mostLikely(logits);
  const top = logits[best] as number;
  const weights = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const log = (logits[i] as number) - top;
    if (log <= 0) sum += weights[i] = exp(log);
  }
  // No finite logit is above the others, so there is nothing to compare: take the first of the largest.
  if (!(sum > 0)) return [{ id: best, log: 0, weight: 1 }];
  const needed = topP < 1 ? topP * sum : Infinity; // keeping all must not depend on how their sum is rounded
  const most = topK > 0 ? topK : Infinity;
  const threshold = lowEnough(weights, needed, most);
  const candidates: Candidate[] = [];
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id] as number;
    if (weight > 0 && weight >= threshold) candidates.push({ id, log: (logits[id] as number) - top, weight });
  }
  if (threshold > 0) candidates.sort((a, b) => b.weight - a.weight || a.id - b.id);
  let mass = 0;
  let keep = 0;
  while (keep < Math.min(candidates.length, most) && (keep === 0 || mass < needed))
    mass += (candidates[keep++] as Candidate).weight;
  return candidates.slice(0, keep);
}

/** A threshold that leaves `most` tokens or more, or such as weigh `needed`: few have to be sorted then. 0 leaves all. */
function lowEnough(weights: Float64Array, needed: number, most: number): number {
  if (needed === Infinity && most >= weights.length) return 0;
  for (let threshold = 1e-2; ; threshold = threshold > 1e-30 ? threshold * 1e-2 : Number.MIN_VALUE) {
    let mass = 0;
    let count = 0;
    for (let id = 0; id < weights.length; id++) {
      const weight = weights[id] as number;
      if (weight < threshold) continue;
      mass += weight;
      count++;
    }
    if (mass >= needed || count >= most || threshold === Number.MIN_VALUE) return threshold;
  }
}

function draw(candidates: Candidate[], temperature: number, random: number): number {
  const weights = candidates.map(({ log, weight }) => (temperature === 1 ? weight : exp(log / temperature)));
  let left = random * weights.reduce((sum, weight) => sum + weight, 0);
  const at = weights.findIndex((weight) => (left -= weight) < 0);
  return (candidates.at(at) as Candidate).id;
}

/**
 * e^x for x ≤ 0, from operations that IEEE 754 fixes: Math.exp may differ between engines in the last bit, and then a
 * seed would not give the same text everywhere. x = n ln 2 + r, Taylor series for e^r with |r| ≤ ln 2 / 2 (error < 1e-16).
 */
function exp(x: number): number {
  if (x < -700) return 0;
  const n = Math.round(x * Math.LOG2E);
  const r = x - n * Math.LN2;
  let sum = 1;
  for (let i = 13; i > 0; i--) sum = 1 + sum * r * (RECIPROCALS[i] as number);
  return n < -1000 ? 0 : sum * powerOfTwo(n);
}

const RECIPROCALS = Float64Array.from({ length: 14 }, (_, i) => 1 / i);

const bits = new DataView(new ArrayBuffer(8));

function powerOfTwo(n: number): number {
  bits.setUint32(0, (n + 1023) << 20);
  return bits.getFloat64(0);
}

/** Numbers in [0, 1) with 53 bits: xoshiro128** (Blackman and Vigna), its state filled by splitmix32 from the seed. */
function generator(seed: number): () => number {
  let mix = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0;
  const splitmix = () => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  const s = Uint32Array.from({ length: 4 }, splitmix) as Uint32Array & { 0: number; 1: number; 2: number; 3: number };
  const rotate = (x: number, k: number) => (x << k) | (x >>> (32 - k));
  const next = () => {
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return result;
  };
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}

function expectRange(name: string, value: unknown, holds: boolean, expected: string): void {
  if (typeof value !== "number") throw new TypeError(`"${name}" expected ${expected}, got ${typeof value}`);
  if (!holds) throw new RangeError(`"${name}" expected ${expected}, got ${value}`);
}
