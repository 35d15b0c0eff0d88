/**
 * How long sampling takes with 65,536 ids: `npm run bench:sampler`. Prints the median of many calls with the lowest and
 * the highest tenth, in milliseconds, and asserts nothing. A token of a 0.1B model takes 7 to 9 ms; 3 % of it are 0.25.
 */

import { Candidates } from "../../host/sampling/candidates.ts";
import { createSampler, logProbabilities, type SamplerOptions } from "../../host/sampling/index.ts";
import { PlainKernel } from "../support/plain-kernel.ts";
import { random } from "../support/random.ts";

const IDS = 65536;
const CALLS = 200;

const next = random(1);
const uniform = () => (next(1 << 24) + 0.5) / (1 << 24);
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());

/**
 * Most ids far below a few hundred that fit the text. The first two kinds are like those of RWKV-4 169M at places in a
 * text (2.4 to 5.6 bits, the likeliest 16 to 22 above the mean, 6 to 176 ids within top-p 0.9); the others are extremes.
 */
function makeLogits(spread: number, fitting: number, middle: number): Float32Array {
  const logits = Float32Array.from({ length: IDS }, () => -10 + spread * normal());
  for (let i = 0; i < 300; i++) logits[next(IDS)] = middle + fitting * normal();
  return logits;
}

const LOGITS: Record<string, Float32Array> = {
  sure: makeLogits(2, 4, -2),
  usual: makeLogits(2.8, 2.5, -1),
  unsure: makeLogits(1.5, 1, -4),
  flat: new Float32Array(IDS).fill(1),
};

const SETTINGS: Record<string, SamplerOptions> = {
  "temperature 0": { temperature: 0 },
  "default (top-p 0.5)": {},
  "top-p 0.9, temperature 0.8": { topP: 0.9, temperature: 0.8 },
  "top-p 0.95": { topP: 0.95 },
  "top-p 0.5, top-k 100": { topP: 0.5, topK: 100 },
  "top-k 50": { topP: 1, topK: 50 },
  "min-p 0.05": { topP: 1, minP: 0.05 },
  "top-a 0.2": { topP: 1, topA: 0.2 },
  "no cuts": { topP: 1 },
  "no cuts, temperature 0.8": { topP: 1, temperature: 0.8 },
  "typical 0.9": { topP: 1, typical: 0.9 },
  mirostat: { mirostatTau: 5 },
  "preset chat": { preset: "chat" },
};

function time(work: () => unknown): string {
  const times: number[] = [];
  for (let call = -50; call < CALLS; call++) {
    const start = performance.now();
    work();
    if (call >= 0) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const [low, middle, high] = [0.1, 0.5, 0.9].map((share) => times[Math.floor(share * CALLS)]!.toFixed(3));
  return `${middle} (${low}–${high})`.padEnd(22);
}

function printRow(what: string, works: (() => unknown)[]): void {
  console.log(what.padEnd(28) + works.map(time).join(""));
}

function entropy(logits: Float32Array): number {
  const top = logits.reduce((a, b) => Math.max(a, b));
  const weights = Array.from(logits, (logit) => Math.exp(logit - top));
  const sum = weights.reduce((a, b) => a + b);
  return weights.reduce((bits, weight) => bits - (weight > 0 ? (weight / sum) * Math.log2(weight / sum) : 0), 0);
}

const kinds = Object.values(LOGITS);
const header = Object.entries(LOGITS).map(([name, logits]) => `${name}, ${entropy(logits).toFixed(1)} bits`.padEnd(22));
console.log(`${`Node ${process.version}`.padEnd(28)}${header.join("")}`);
for (const [name, options] of Object.entries(SETTINGS)) {
  printRow(
    name,
    kinds.map((logits) => {
      const sample = createSampler({ seed: 1, ...options });
      return () => sample(logits);
    }),
  );
}
printRow(
  "logprob and 5 alternatives",
  kinds.map((logits) => () => logProbabilities(logits, 0, 5)),
);
const plain = new Candidates(new PlainKernel());
printRow(
  "top-p 0.9 in JavaScript",
  kinds.map((logits) => () => {
    plain.load(logits);
    plain.weigh(1);
    plain.keepFirst({ mass: 0.9 * plain.total });
    plain.weigh(1);
    plain.draw(0.5);
  }),
);
