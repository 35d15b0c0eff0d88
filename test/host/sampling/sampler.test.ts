import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createSampler,
  logProbabilities,
  logProbability,
  mostLikely,
  PRESETS,
  type Preset,
  type SamplerOptions,
} from "../../../host/sampling/index.ts";
import { random } from "../../support/random.ts";

const DRAWS = 4000;

/** Like a model's: most of the probability on a few of many ids. */
function randomLogits(length: number, seed: number): Float32Array {
  const next = random(seed);
  const uniform = () => next(1 << 24) / (1 << 24);
  return Float32Array.from({ length }, () => 3 * (uniform() + uniform() + uniform() + uniform() - 2) - 5);
}

/** The probability of each id, by the definition: softmax, top-p, top-k, then p^(1/temperature). */
function probabilities(logits: Float32Array, { temperature = 1, topP = 0.5, topK = 0 }: SamplerOptions): number[] {
  const top = Math.max(...logits.filter((logit) => !Number.isNaN(logit)));
  const weights = Array.from(logits, (logit) => (Number.isNaN(logit) ? 0 : Math.exp(logit - top)));
  const whole = weights.reduce((a, b) => a + b);
  const order = weights.map((_, id) => id).sort((a, b) => weights[b]! - weights[a]! || a - b);
  const kept: number[] = [];
  let mass = 0;
  for (const id of order) {
    if (topP < 1 && mass >= topP * whole) break;
    if (topK > 0 && kept.length === topK) break;
    kept.push(id);
    mass += weights[id]!;
  }
  const heated = weights.map((weight, id) => (kept.includes(id) ? weight ** (1 / temperature) : 0));
  const sum = heated.reduce((a, b) => a + b);
  return heated.map((weight) => weight / sum);
}

/** Every id comes as often as it should, within five standard deviations; none comes that should not. */
function assertDrawn(logits: Float32Array, options: SamplerOptions, expected: readonly number[]): void {
  const sample = createSampler({ seed: 11, ...options });
  const drawn = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < DRAWS; i++) drawn[sample(logits)]!++;
  for (const [id, p] of expected.entries()) {
    const deviation = Math.sqrt(DRAWS * p * (1 - p));
    const off = Math.abs(drawn[id]! - DRAWS * p);
    assert.ok(off <= 5 * deviation + 1e-6, `id ${id} of probability ${p} came ${drawn[id]} times in ${DRAWS}`);
  }
}

for (const topP of [0.1, 0.5, 0.9, 1])
  for (const topK of [0, 1, 5])
    test(`draws as the definition says: topP ${topP}, topK ${topK}`, () => {
      for (const temperature of [0.3, 1, 2.5]) {
        const logits = randomLogits(60, topK + temperature);
        const options = { temperature, topP, topK };
        assertDrawn(logits, options, probabilities(logits, options));
      }
    });

test("keeps what it should of a whole vocabulary", () => {
  const logits = randomLogits(65536, 4).map((logit) => 4 * logit);
  for (const topP of [0.2, 0.9]) {
    const allowed = probabilities(logits, { topP, topK: 50 });
    const sample = createSampler({ topP, topK: 50, seed: 3 });
    for (let i = 0; i < 100; i++) assert.ok(allowed[sample(logits)]! > 0);
  }
});

test("topP 1 keeps even what is lost in rounding beside the likeliest", () => {
  const logits = Float32Array.of(0, -40, -Infinity);
  const options = { topP: 1, temperature: 20 };
  assertDrawn(logits, options, probabilities(logits, options));
});

test("of equal logits the first ids are kept", () => {
  const logits = new Float32Array(8).fill(-2.5);
  assertDrawn(logits, { topP: 1, topK: 3 }, [1 / 3, 1 / 3, 1 / 3, 0, 0, 0, 0, 0]);
  assertDrawn(logits, { topP: 0.5 }, [0.25, 0.25, 0.25, 0.25, 0, 0, 0, 0]);
  assert.equal(mostLikely(Float32Array.of(1, 7, 7, 3)), 1);
});

test("minus infinity is never drawn", () => {
  const logits = Float32Array.of(-Infinity, 1, -Infinity, 1, -Infinity);
  assertDrawn(logits, { topP: 1 }, [0, 0.5, 0, 0.5, 0]);
  assert.equal(mostLikely(logits), 1);
});

test("logits that no softmax is defined for are an error, whatever the sampler", () => {
  const wrong = [
    [Number.NaN, Number.NaN],
    [1, Number.NaN, 3],
    [1, Infinity, 3],
    [-Infinity, -Infinity],
  ];
  const samplers: SamplerOptions[] = [
    { temperature: 0 },
    { topP: 0.9 },
    { topK: 1 },
    { mirostatTau: 3 },
    { typical: 0.5 },
  ];
  for (const options of samplers)
    for (const logits of wrong)
      assert.throws(() => createSampler({ ...options, seed: 1 })(Float32Array.from(logits)), {
        name: "WkvError",
        code: "bad-file",
        message: /logit.*(NaN|Infinity): the model file is damaged/,
      });
});

test("a long history is counted in linear time, as if each id had been drawn", () => {
  const history = Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 2000);
  const options = { presencePenalty: 0.1, frequencyPenalty: 0.1, repetitionPenalty: 1.1, temperature: 0 };
  const start = performance.now();
  createSampler({ ...options, penaltyHistory: history });
  assert.ok(performance.now() - start < 2000); // 130 seconds when every id went through all counts
  const logits = Float32Array.from({ length: 50 }, (_, i) => Math.sin(i));
  const drawn = createSampler({ ...options, frequencyPenalty: 0.4 });
  const ids = Array.from({ length: 200 }, () => drawn(logits));
  for (const length of [1, 7, 100, 199]) {
    const told = createSampler({ ...options, frequencyPenalty: 0.4, penaltyHistory: ids.slice(0, length) });
    assert.equal(told(logits), ids[length]);
  }
});

test("no temperature, no probability and one id are all the likeliest", () => {
  const logits = randomLogits(500, 8);
  const likeliest = logits.indexOf(Math.max(...logits));
  for (const options of [{ temperature: 0 }, { topP: 0 }, { topK: 1 }, { temperature: 1e-300, topP: 1 }])
    assert.equal(createSampler(options)(logits), likeliest);
});

test("a seed gives these ids on every machine", () => {
  const logits = randomLogits(1000, 2);
  const draw = (seed: number) => {
    const sample = createSampler({ seed, topP: 0.95, temperature: 1.3 });
    return Array.from({ length: 8 }, () => sample(logits));
  };
  assert.deepEqual(draw(7), [985, 694, 762, 831, 885, 762, 396, 205]);
  assert.deepEqual(draw(7), draw(7));
  assert.deepEqual(draw(2 ** 52 + 1), [952, 980, 133, 526, 381, 381, 630, 916]);
});

test("without a seed two samplers differ", () => {
  const logits = new Float32Array(2 ** 16);
  const draw = () => {
    const sample = createSampler({ topP: 1 });
    return Array.from({ length: 4 }, () => sample(logits)).join();
  };
  assert.notEqual(draw(), draw());
});

test("logits are left as they are", () => {
  const logits = randomLogits(100, 5);
  const before = logits.slice();
  createSampler({ topP: 0.7, topK: 9, temperature: 2 })(logits);
  assert.deepEqual(logits, before);
});

test("log probabilities", () => {
  const logits = randomLogits(3000, 6);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  for (const id of [0, 17, 2999])
    assert.ok(Math.abs(logProbability(logits, id) - (logits[id]! - Math.log(sum))) < 1e-7);
  assert.equal(logProbability(Float32Array.of(0, -Infinity), 1), -Infinity);
});

test("the likeliest tokens and their log probabilities", () => {
  const logits = Float32Array.of(1, 5, 3, Number.NaN, 5, -Infinity);
  const { logprob, topLogprobs } = logProbabilities(logits, 2, 3);
  assert.deepEqual(
    topLogprobs.map(({ token }) => token),
    [1, 4, 2],
  );
  assert.equal(topLogprobs[2]!.logprob, logprob);
  assert.equal(topLogprobs[0]!.logprob, logProbability(logits, 1));
  assert.equal(logProbabilities(logits, 2, 100).topLogprobs.length, 4);
  assert.deepEqual(logProbabilities(logits, 2, 0).topLogprobs, []);
});

test("presets are options by name, and options go before them", () => {
  const logits = randomLogits(300, 7);
  const draw = (options: SamplerOptions) => {
    const sample = createSampler({ ...options, seed: 4 });
    return Array.from({ length: 40 }, () => sample(logits));
  };
  for (const preset of Object.keys(PRESETS) as Preset[]) {
    assert.deepEqual(draw({ preset }), draw(PRESETS[preset]), preset);
    assert.deepEqual(draw({ preset, topP: 0.9, topK: undefined }), draw({ ...PRESETS[preset], topP: 0.9 }), preset);
  }
  assert.notDeepEqual(draw({ preset: "pip" }), draw({ preset: "chat" }));
});

test("an option out of its range is named", () => {
  const wrong: [SamplerOptions, RegExp][] = [
    [{ temperature: -1 }, /"temperature" expected a number >= 0, got -1/],
    [{ temperature: Number.NaN }, /"temperature"/],
    [{ temperature: Infinity }, /"temperature"/],
    [{ topP: 1.5 }, /"topP" expected a number from 0 to 1, got 1.5/],
    [{ topK: 2.5 }, /"topK"/],
    [{ seed: -1 }, /"seed"/],
    [{ seed: 2 ** 60 }, /"seed"/],
    [{ minP: -0.1 }, /"minP" expected a number from 0 to 1, got -0.1/],
    [{ topA: 2 }, /"topA"/],
    [{ typical: 0 }, /"typical" expected a number above 0 and at most 1, got 0/],
    [{ mirostatTau: 0 }, /"mirostatTau" expected a number above 0, got 0/],
    [{ mirostatEta: 0.1 }, /"mirostatEta" expected "mirostatTau" beside it/],
    [{ mirostatTau: 5, topP: 0.9 }, /"topP" expected to be omitted with mirostat, .* got 0.9/],
    [{ mirostatTau: 5, temperature: 0 }, /"temperature" expected a number above 0 with mirostat/],
    [{ mirostatTau: 5, preset: "chat" }, /"topP" expected to be omitted/],
    [{ presencePenalty: Infinity }, /"presencePenalty" expected a finite number, got Infinity/],
    [{ frequencyPenalty: Number.NaN }, /"frequencyPenalty"/],
    [{ repetitionPenalty: 0 }, /"repetitionPenalty" expected a number above 0, got 0/],
    [{ penaltyDecay: 1.1 }, /"penaltyDecay"/],
    [{ bannedTokens: [1.5] }, /"bannedTokens" expected ids from 0 up, got 1.5/],
    [{ penaltyExempt: [-1] }, /"penaltyExempt"/],
    [{ logitBias: { 1: Infinity } }, /"logitBias" expected numbers below infinity, got Infinity/],
    [{ logitBias: { "-1": 0 } as Record<number, number> }, /"logitBias" expected ids/],
    [{ preset: "best" as Preset }, /"preset" expected one of pip, chat, .*, got best/],
  ];
  for (const [options, message] of wrong)
    assert.throws(() => createSampler(options), { name: "RangeError", message }, JSON.stringify(options));
  const wrongTypes = { topP: "1", bannedTokens: 5, penaltyHistory: "1", logitBias: 5, logitsProcessor: 5 };
  for (const [name, value] of Object.entries(wrongTypes))
    assert.throws(() => createSampler({ [name]: value } as SamplerOptions), {
      name: "TypeError",
      message: new RegExp(`^"${name}" expected .*, got `),
    });
});
