/** rwkv.cpp's files: no file of it comes with the project, so the committed models are converted here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoadOptions } from "wkv";
import { readGolden } from "../support/checkpoint-checks.ts";
import { safetensors } from "../support/make-checkpoints.ts";
import { toRwkvCpp } from "../support/make-rwkvcpp.ts";
import { committed, load, SMALL } from "../support/models.ts";
import { isQuantised, randomBlocks } from "../support/random-blocks.ts";
import { asFloat32 } from "../support/tensor-values.ts";
import { checkEveryToken, lastLogits } from "./check.ts";
import { type Golden, goldenOf } from "./goldens.ts";

/** The models' own; rwkv.cpp's default for RWKV-5 is another one. */
const groupNormEps = 64e-5;

const CONVERTED: [file: string, numbers: string, version: number][] = [
  ["s4.bf16.safetensors", "FP32", 100],
  ["s52.f16.pth", "FP16", 101],
  ["q6.pth", "FP16", 101],
  ["q7.zip.pth", "FP32", 101],
];

for (const [file, numbers, version] of CONVERTED)
  test(`${file} as .bin version ${version}, ${numbers}`, async () => {
    const bytes = toRwkvCpp(await readGolden(committed(file)), version);
    await checkBytes(bytes, goldenOf(file), { groupNormEps });
  });

test("RWKV-5 in rwkv.cpp's format has another epsilon unless one is given", async () => {
  const file = "s52.f16.pth";
  const bytes = toRwkvCpp(await readGolden(committed(file)));
  await assert.rejects(checkBytes(bytes, goldenOf(file), {}), assert.AssertionError);
});

for (const dtype of ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"] as const)
  test(`${dtype} gives the same bits as its values in float32`, async () => {
    const whole = [...(await readGolden(SMALL)).values()];
    const quantised = whole.map((sample) => (isQuantised(sample) ? randomBlocks(sample, dtype) : sample));
    const bin = toRwkvCpp(new Map(quantised.map((sample) => [sample.name, sample])));
    assert.deepEqual(await lastLogits(bin), await lastLogits(safetensors(quantised.map(asFloat32))));
  });

async function checkBytes(bytes: Uint8Array, golden: Golden, options: LoadOptions): Promise<void> {
  const model = await load(bytes, options);
  try {
    await checkEveryToken(model, golden);
  } finally {
    await model.dispose();
  }
}
