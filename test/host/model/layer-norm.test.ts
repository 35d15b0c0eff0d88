// Embeddings so small that epsilon decides: no golden has them, and a wrong epsilon would go unnoticed in all the others.
import assert from "node:assert/strict";
import { test } from "node:test";
import { safetensors } from "../../support/make-checkpoints.ts";
import { load } from "../../support/models.ts";
import { randomSamples } from "../../support/random-model.ts";
import { float32, values } from "../../support/tensor-values.ts";

const EPSILON = 1e-5;
const TOKEN = 7;
const [WIDTH, VOCABULARY] = [64, 97];

test("layer norm adds 1e-5 to the variance", async () => {
  // With nothing added by attention and channel mixing, logits are head · ln_out(ln0(embedding)).
  const samples = randomSamples({ width: WIDTH, layers: 1, headSize: 32, vocabSize: VOCABULARY }).map((sample) => {
    if (sample.name === "emb.weight")
      return float32(
        sample.name,
        sample.shape,
        values(sample).map((x) => x / 1000),
      );
    const isResidual = /att\.output\.weight|ffn\.value\.weight/.test(sample.name);
    return isResidual ? float32(sample.name, sample.shape, new Float32Array(values(sample).length)) : sample;
  });
  const tensor = (name: string) => [...values(samples.find((sample) => sample.name === name)!)];
  const norm = (x: number[], name: string) => layerNorm(x, tensor(`${name}.weight`), tensor(`${name}.bias`));
  const embedding = tensor("emb.weight").slice(TOKEN * WIDTH, (TOKEN + 1) * WIDTH);
  const hidden = norm(norm(embedding, "blocks.0.ln0"), "ln_out");
  const head = tensor("head.weight");
  const expected = Array.from({ length: VOCABULARY }, (_, id) => dot(head.slice(id * WIDTH, (id + 1) * WIDTH), hidden));

  const model = await load(safetensors(samples), { weights: "f32", vocab: null });
  const logits = await model.createSession().feed([TOKEN]);
  await model.dispose();
  const worst = Math.max(...expected.map((value, id) => Math.abs(value - logits[id]!)));
  assert.ok(worst < 1e-4, `logits differ by up to ${worst}`);
});

function layerNorm(x: number[], weight: number[], bias: number[]): number[] {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return x.map((value, i) => ((value - mean) / Math.sqrt(variance + EPSILON)) * weight[i]! + bias[i]!);
}

function dot(a: number[], b: number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
