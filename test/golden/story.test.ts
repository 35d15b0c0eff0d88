/** The bundled model: the same text from the same seed wherever it runs, and what int8 costs it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import {
  GOLDENS,
  loadBundled,
  passageBits,
  passageZeroShares,
  REQUESTS,
  type StoryGoldens,
  tell,
  WEIGHTS,
} from "./story.ts";

const goldens: StoryGoldens = JSON.parse(readFileSync(GOLDENS, "utf8"));

test("the goldens answer what is asked", () => {
  assert.deepEqual(
    goldens.stories.map(({ prompt, seed }) => ({ prompt, seed })),
    REQUESTS,
  );
});

for (const weights of WEIGHTS)
  describe(`the bundled model, ${weights}`, () => {
    for (const threads of [1, 2, 3])
      test(`tells its stories on ${threads} threads`, async () => {
        await using model = await loadBundled(weights, threads);
        for (const story of goldens.stories) assert.equal(await tell(model, story), story.text[weights], story.prompt);
      });

    test("predicts the passage as well as it did", async () => {
      await using model = await loadBundled(weights);
      const difference = (await passageBits(model)) - goldens.bitsPerByte[weights];
      assert.ok(Math.abs(difference) < 1e-9, `the logarithms of engines differ in the last bits, not by ${difference}`);
    });

    test("leaves the same share of zeros in its channel mixing", async () => {
      await using model = await loadBundled(weights);
      assert.deepEqual(await passageZeroShares(model), goldens.zeroShares[weights]);
    });
  });

test("relu² leaves most of the hidden values at zero", () => {
  for (const share of goldens.zeroShares.int8) assert.ok(share > 0.5 && share < 1, String(share));
});

test("int8 is within 0.1 % of f32 in bits per byte", () => {
  const { int8, f32 } = goldens.bitsPerByte;
  assert.ok(Math.abs(int8 / f32 - 1) < 1e-3, `${int8} and ${f32}`);
});
