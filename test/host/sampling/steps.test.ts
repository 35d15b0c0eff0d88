/** Each step of the sampler against the plain reference, on random cases, with both kernels. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Candidates } from "../../../host/sampling/candidates.ts";
import { cut, cutAndDraw } from "../../../host/sampling/draw.ts";
import { createSampler, type SamplerOptions } from "../../../host/sampling/index.ts";
import { generator } from "../../../host/sampling/random.ts";
import { resolveOptions } from "../../../host/sampling/settings.ts";
import { WasmKernel } from "../../../host/sampling/wasm-kernel.ts";
import { repeats } from "../../support/effort.ts";
import { PlainKernel } from "../../support/plain-kernel.ts";
import { random } from "../../support/random.ts";
import { choices, edited, isDrawn, mirostatChoices } from "../../support/sampler-reference.ts";

const CASES = repeats(10_000);

type Next = (below: number) => number;

const fraction = (next: Next) => next(1 << 24) / (1 << 24);

/** Of any size and spread; some with many equal values, some with values that must not be drawn. */
function randomLogits(next: Next, length = 1 + next(next(4) === 0 ? 400 : 40)): Float32Array {
  const spread = [0.2, 2, 6, 20][next(4)]!;
  const step = next(4) === 0 ? 0.5 : 0;
  const holes = next(4) === 0;
  const logits = Float32Array.from({ length }, () => {
    const logit = spread * (fraction(next) + fraction(next) + fraction(next) - 1.5) - 3;
    if (holes && next(5) === 0) return next(2) === 0 ? Number.NaN : -Infinity;
    return step > 0 ? Math.round(logit / step) * step : logit;
  });
  if (!logits.some((logit) => logit > -Infinity)) logits[next(length)] = 1;
  return logits;
}

/** The same without NaN, which samplers refuse. */
function randomNumbers(next: Next): Float32Array {
  return randomLogits(next).map((logit) => (Number.isNaN(logit) ? -Infinity : logit));
}

/** What the options below leave out. */
const ALL: SamplerOptions = { topP: 1 };

const STEPS: Record<string, (next: Next, length: number) => SamplerOptions> = {
  "no cuts": () => ({}),
  temperature: (next) => ({ temperature: 0.05 + 3 * fraction(next) }),
  topP: (next) => ({ topP: 0.001 + 0.999 * fraction(next) }),
  topK: (next, length) => ({ topK: 2 + next(length + 2) }),
  minP: (next) => ({ minP: [fraction(next), 0.1 * fraction(next), 1][next(3)]! }),
  topA: (next) => ({ topA: [fraction(next), 1][next(2)]! }),
  typical: (next) => ({ typical: 0.001 + 0.999 * fraction(next) }),
  "all of them": (next, length) => ({
    temperature: 0.05 + 3 * fraction(next),
    topP: 0.3 + 0.7 * fraction(next),
    topK: 2 + next(length + 2),
    minP: 0.1 * fraction(next),
    topA: 0.2 * fraction(next),
    typical: 0.3 + 0.7 * fraction(next),
  }),
};

const wasm = WasmKernel.start();
assert.ok(wasm, "the kernels are compiled here");
const kernels = [new Candidates(wasm), new Candidates(new PlainKernel())] as const;

for (const [name, make] of Object.entries(STEPS))
  test(`${name}: keeps and draws what the reference does, ${CASES} times`, () => {
    const next = random(name.length);
    for (let i = 0; i < CASES; i++) {
      const logits = randomLogits(next);
      const options = { ...ALL, ...make(next, logits.length) };
      const settings = resolveOptions(options);
      const all = choices(edited(logits, [], options), options);
      const number = fraction(next);
      const [token, other] = kernels.map((candidates) => {
        assert.ok(candidates.load(logits));
        cut(candidates, settings);
        const kept = candidates.list().map(({ id }) => id);
        const expected = all.map(({ id }) => id);
        assert.deepEqual(kept, expected, `case ${i}: ${JSON.stringify(options)}`);
        assert.ok(candidates.load(logits));
        return cutAndDraw(candidates, settings, number);
      });
      assert.equal(token, other, "both kernels draw the same");
      assert.ok(isDrawn(token!, all, number), `case ${i}: ${JSON.stringify(options)} drew ${token} at ${number}`);
    }
  });

test("whole vocabularies, with every step", () => {
  const next = random(9);
  for (const [name, make] of Object.entries(STEPS))
    for (let i = 0; i < repeats(5); i++) {
      const logits = randomLogits(next, 65536 - next(3));
      const options = { ...ALL, ...make(next, 2000) };
      const all = choices(edited(logits, [], options), options);
      const number = fraction(next);
      const [token, other] = kernels.map((candidates) => {
        candidates.load(logits);
        return cutAndDraw(candidates, resolveOptions(options), number);
      });
      assert.equal(token, other, name);
      assert.ok(isDrawn(token!, all, number), `${name}: ${JSON.stringify(options)} drew ${token} at ${number}`);
    }
});

/** Draws twenty tokens with each of many samplers; `expected` tells the choices from what was drawn before. */
function drawTexts(
  seed: number,
  make: (next: Next, length: number) => SamplerOptions,
  expected: (logits: Float32Array, drawn: readonly number[], options: SamplerOptions) => ReturnType<typeof choices>,
): void {
  const next = random(seed);
  for (let text = 0; text < CASES / 20; text++) {
    const length = 2 + next(30);
    const options: SamplerOptions = { topP: 1, ...make(next, length), seed: text };
    const sample = createSampler(options);
    const uniform = generator(text);
    const drawn: number[] = [...(options.penaltyHistory ?? [])];
    for (let step = 0; step < 20; step++) {
      const logits = randomLogits(next, length).map((logit) => (logit > -Infinity ? logit : -4));
      const token = sample(logits);
      const all = expected(logits, drawn, options);
      assert.ok(isDrawn(token, all, uniform()), `text ${text}, step ${step}: ${JSON.stringify(options)} drew ${token}`);
      drawn.push(token);
    }
  }
}

const ids = (next: Next, length: number) => Array.from({ length: next(length) }, () => next(length));
const byEdits: Parameters<typeof drawTexts>[2] = (logits, drawn, options) =>
  choices(edited(logits, drawn, options), options);

const EDITS: Record<string, (next: Next, length: number) => SamplerOptions> = {
  presencePenalty: (next) => ({ presencePenalty: 4 * fraction(next) - 1 }),
  frequencyPenalty: (next) => ({ frequencyPenalty: 4 * fraction(next) - 1, penaltyDecay: fraction(next) }),
  repetitionPenalty: (next) => ({ repetitionPenalty: 0.5 + 2 * fraction(next) }),
  penaltyExempt: (next, length) => ({ frequencyPenalty: 2, presencePenalty: 1, penaltyExempt: ids(next, length) }),
  penaltyHistory: (next, length) => ({ frequencyPenalty: 2, penaltyDecay: 0.9, penaltyHistory: ids(next, length) }),
  logitBias: (next, length) => ({
    logitBias: Object.fromEntries(ids(next, length).map((id) => [id, 10 * fraction(next) - 5])),
  }),
  bannedTokens: (next, length) => ({ bannedTokens: ids(next, length).filter((id) => id > 0) }),
  "all of them": (next, length) => ({
    topP: 0.5 + 0.5 * fraction(next),
    presencePenalty: 4 * fraction(next) - 1,
    frequencyPenalty: 4 * fraction(next) - 1,
    penaltyDecay: fraction(next),
    repetitionPenalty: 0.5 + 2 * fraction(next),
    penaltyExempt: ids(next, length),
    penaltyHistory: ids(next, length),
    logitBias: Object.fromEntries(ids(next, length).map((id) => [id, 10 * fraction(next) - 5])),
    bannedTokens: ids(next, length).filter((id) => id > 0),
  }),
};

for (const [name, make] of Object.entries(EDITS))
  test(`${name}: draws what the reference does, ${CASES} times`, () => drawTexts(name.length, make, byEdits));

test(`mirostat: draws what the reference does, ${CASES} times`, () => {
  const next = random(3);
  for (let text = 0; text < CASES / 20; text++) {
    const [tau, eta, temperature] = [
      0.2 + 4 * fraction(next),
      0.05 + fraction(next),
      0.3 + 2 * fraction(next),
    ] as const;
    const sample = createSampler({ mirostatTau: tau, mirostatEta: eta, temperature, seed: text });
    const uniform = generator(text);
    let mu = 2 * tau;
    for (let step = 0; step < 20; step++) {
      const logits = randomNumbers(next);
      const all = mirostatChoices(edited(logits, [], {}), temperature, mu);
      const token = sample(logits);
      assert.ok(isDrawn(token, all, uniform()), `text ${text}, step ${step}: mu ${mu} drew ${token}`);
      mu -= eta * (-Math.log2(all.find(({ id }) => id === token)!.p) - tau);
    }
  }
});

test("temperature 0, top-k 1 and top-p 0 draw the first of the likeliest", () => {
  const next = random(4);
  for (let i = 0; i < CASES; i++) {
    const logits = randomNumbers(next);
    const { id } = choices(edited(logits, [], {}), ALL)[0]!;
    for (const options of [{ temperature: 0 }, { topK: 1 }, { topP: 0 }])
      assert.equal(createSampler(options)(logits), id);
  }
});

test("a caller's function sees the logits after penalties, bias and bans, and has the last word", () => {
  const logits = Float32Array.of(1, 2, 3, 4);
  const seen: number[][] = [];
  const sample = createSampler({
    temperature: 0,
    presencePenalty: 5,
    logitBias: { 0: 0.5 },
    bannedTokens: [3],
    logitsProcessor: (edited) => {
      seen.push([...edited]);
      edited[1] = 9;
    },
  });
  assert.deepEqual([sample(logits), sample(logits)], [1, 1]);
  assert.deepEqual(seen, [
    [1.5, 2, 3, -Infinity],
    [1.5, -3, 3, -Infinity],
  ]);
  assert.deepEqual([...logits], [1, 2, 3, 4]);
});

test("a caller's function may sample with another sampler", () => {
  const other = createSampler({ seed: 1 });
  const sample = createSampler({ topP: 1, seed: 5, logitsProcessor: () => void other(new Float32Array(100)) });
  const alone = createSampler({ topP: 1, seed: 5 });
  const next = random(6);
  for (let i = 0; i < 100; i++) {
    const logits = randomNumbers(next);
    assert.equal(sample(logits), alone(logits));
  }
});

test("nothing that is banned is drawn, even when nothing is left", () => {
  for (const temperature of [0, 1]) {
    const sample = createSampler({ temperature, bannedTokens: [0, 1] });
    assert.throws(() => sample(Float32Array.of(1, 2)), { name: "RangeError", message: /not banned/ });
  }
});
