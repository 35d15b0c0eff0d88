/** Where a constraint allows few tokens, only their logits are computed: nothing that can be seen changes by it. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { loadModel, type Model } from "wkv";
import { type Constraint, createConstraint } from "wkv/constraint";
import type { Runner } from "../../../host/engine/runner.ts";
import { SMALL } from "../../support/models.ts";

const CHARACTERS = Array.from('{}[]",: 0123456789abcdefghijklmnopqrstuvwxyzäö');
const VOCAB = new TextEncoder().encode(
  Array.from(
    { length: 97 },
    (_, id) => (CHARACTERS[id] === " " ? "\\s" : CHARACTERS[id]) ?? String.fromCodePoint(0x4e00 + id),
  ).join("\n"),
);
const SOURCES = [
  { choices: ["yes", "no", "perhaps"] },
  { regex: "[a-c]{3}[0-9]*" },
  {
    schema: {
      type: "object",
      properties: { kind: { enum: ["one", "two"] }, n: { type: "integer" } },
      required: ["kind", "n"],
    },
  },
] as const;

/** The same without the member that tells few tokens. */
function hidden(constraint: Constraint): Constraint {
  return {
    mask: (logits, left) => constraint.mask(logits, left),
    accept: (token) => constraint.accept(token),
    fork: () => hidden(constraint.fork()),
    get complete() {
      return constraint.complete;
    },
    get finished() {
      return constraint.finished;
    },
  };
}

for (const weights of ["f32", "int8", "int4"] as const)
  describe(weights, async () => {
    const model = await loadModel(SMALL, { weights, vocab: VOCAB, threads: 2 });
    after(() => model.dispose());

    for (const source of SOURCES)
      test(`${Object.keys(source)[0]}: texts, and what is read afterwards`, async () => {
        const constraint = createConstraint(model.tokenizer, source);
        for (const seed of [1, 2, 3]) {
          const few = await written(model, constraint, seed);
          const all = await written(model, hidden(constraint), seed);
          assert.deepEqual(few, all);
        }
      });

    test("sessions together, one of which wants everything", async () => {
      const constraint = createConstraint(model.tokenizer, SOURCES[0]);
      const alone = await written(model, constraint, 4);
      const free = await written(model, undefined, 4);
      const together = await Promise.all([
        written(model, constraint, 4),
        written(model, undefined, 4),
        written(model, constraint, 4),
      ]);
      assert.deepEqual(together, [alone, free, alone]);
    });
  });

async function written(model: Model, constraint: Constraint | undefined, seed: number) {
  using session = model.createSession();
  const pieces = [];
  const options = { maxTokens: 12, temperature: 1.5, seed, presencePenalty: 0.3, ...(constraint && { constraint }) };
  for await (const { token, text, stop } of session.generate([5, 9, 40], options)) pieces.push({ token, text, stop });
  using fork = session.fork();
  const [after, forked, saved] = [await session.feed([]), await fork.feed([]), await session.save()];
  assert.deepEqual(forked, after);
  return { pieces, after, saved, next: await session.feed(7) };
}

test("log-probabilities are of all tokens", async () => {
  const model = await loadModel(SMALL, { weights: "int8", vocab: VOCAB, threads: 1 });
  const constraint = createConstraint(model.tokenizer, SOURCES[0]);
  for await (const { topLogprobs } of model.createSession().generate([5], { constraint, logprobs: 90, maxTokens: 3 }))
    assert.equal(topLogprobs?.length, 90);
  await model.dispose();
});

test("a few units of the head are all that is computed", async () => {
  const model = await loadModel(SMALL, { weights: "int8", vocab: null, threads: 1 });
  const whole = await model.createSession().feed([3, 4]);
  const session = model.createSession();
  await session.feed(3);
  const { runner } = model as unknown as { runner: Runner };
  const state = runner.takeState();
  await runner.feed(state, [3]);
  const { logits, hidden: stream } = await runner.feedFew(state, [4], [1]);
  assert.deepEqual(logits?.slice(32, 64), whole.slice(32, 64));
  assert.ok(logits?.slice(0, 32).every((logit) => logit === -Infinity));
  assert.deepEqual(await runner.head(stream), whole);
  assert.equal((await runner.feedFew(state, [4], [])).logits, undefined);
  await model.dispose();
});
