/** rwkv.cpp's files: no file of it comes with the project, so the committed models are converted here. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { LoadOptions } from "wkv";
import { BLOCK, byteLength, type Dtype } from "../../host/checkpoint/checkpoint.ts";
import { readGolden } from "../host/checkpoint-checks.ts";
import { type Sample, safetensors } from "../host/make-checkpoints.ts";
import { committed, committedFolder, load, randomTokens, SMALL, SMALL_IDS } from "../host/models.ts";
import { random } from "../host/random.ts";
import { asFloat32 } from "../host/tensor-values.ts";
import { checkEveryToken } from "./check.ts";
import { type Golden, readGoldens } from "./goldens.ts";
import { toRwkvCpp } from "./make-rwkvcpp.ts";

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

function goldenOf(file: string): Golden {
  const golden = readGoldens(committedFolder).find(({ models }) => models.includes(join(committedFolder, file)));
  assert.ok(golden, `no golden of ${file}`);
  return golden;
}

async function checkBytes(bytes: Uint8Array, golden: Golden, options: LoadOptions): Promise<void> {
  const model = await load(bytes, options);
  try {
    await checkEveryToken(model, golden);
  } finally {
    await model.dispose();
  }
}

async function lastLogits(bytes: Uint8Array): Promise<Float32Array> {
  const model = await load(bytes);
  try {
    const logits = await model.createSession().feed(randomTokens(20, SMALL_IDS));
    assert.ok(logits.every(Number.isFinite), "the random weights are too large");
    return logits;
  } finally {
    await model.dispose();
  }
}

/** What rwkv.cpp quantises: the large matrices of the blocks. */
function isQuantised({ name }: Sample): boolean {
  return /\.(att|ffn)\.\w+\.weight$/.test(name) && !name.includes("ln_x");
}

/** Any blocks of a format, with scales that keep values below 1. */
function randomBlocks({ name, shape }: Sample, dtype: Dtype): Sample {
  const next = random(name.length);
  const count = shape.reduce((a, b) => a * b, 1);
  const bytes = Uint8Array.from({ length: byteLength(dtype, count) }, () => next(256));
  const view = new DataView(bytes.buffer);
  const hasLeast = dtype.endsWith("_1");
  const smallHalf = (least: number) => least + next(1024);
  for (let at = 0; at < bytes.length; at += BLOCK[dtype].bytes) {
    view.setUint16(at, smallHalf(dtype === "Q8_0" ? 0x1000 : 0x2000), true);
    if (hasLeast) view.setUint16(at + 2, smallHalf(0xa800), true);
  }
  return { name, dtype, shape, bytes };
}
