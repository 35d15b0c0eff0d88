import assert from "node:assert/strict";
import { test } from "node:test";
import type { Model } from "wkv";
import { type Sample, safetensors } from "../../support/make-checkpoints.ts";
import { load } from "../../support/models.ts";
import { randomSamples } from "../../support/random-model.ts";
import { float32, values } from "../../support/tensor-values.ts";

const SAMPLES = randomSamples({ width: 64, layers: 2, headSize: 32, vocabSize: 97 });

/** The model with one tensor changed. */
function changed(name: string): readonly Sample[] {
  assert.ok(SAMPLES.some((sample) => sample.name === name));
  return SAMPLES.map((sample) =>
    sample.name === name
      ? float32(
          name,
          sample.shape,
          values(sample).map((value) => value + 0.01),
        )
      : sample,
  );
}

async function savedState(): Promise<Uint8Array> {
  const model = await load(safetensors(SAMPLES), { vocab: null });
  const session = model.createSession();
  await session.feed([1, 2, 3]);
  const saved = await session.save();
  await model.dispose();
  return saved;
}

const open = (samples: readonly Sample[]): Promise<Model> => load(safetensors(samples), { vocab: null });

for (const name of ["blocks.0.ln1.weight", "blocks.1.ln2.bias", "ln_out.weight", "ln_out.bias"])
  test(`a model that differs in ${name} refuses the state`, async () => {
    const saved = await savedState();
    const other = await open(changed(name));
    assert.throws(() => other.createSession(saved), { name: "WkvError", code: "bad-state", message: /layer norms/ });
    await other.dispose();
  });

test("a model that differs in its int8 matrices takes the state with a warning", async () => {
  const saved = await savedState();
  for (const name of ["blocks.0.att.key.weight", "blocks.1.ffn.value.weight"]) {
    const other = await open(changed(name));
    const session = other.createSession(saved);
    assert.equal(session.warnings.length, 1, name);
    await other.dispose();
  }
});
