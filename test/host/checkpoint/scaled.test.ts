import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tensor } from "../../../host/checkpoint/checkpoint.ts";
import type { Dtype } from "../../../host/checkpoint/dtypes.ts";
import { scaledTensor } from "../../../host/checkpoint/scaled.ts";
import { storedTensor } from "../../../host/checkpoint/stored.ts";
import { bytesSource } from "../../../host/source/source.ts";
import { readTensor } from "../../support/checkpoint-checks.ts";
import type { Sample } from "../../support/make-checkpoints.ts";
import { isQuantised, randomBlocks } from "../../support/random-blocks.ts";
import { float32, values } from "../../support/tensor-values.ts";

const SHAPE = { name: "blocks.1.att.output.weight", dtype: "F32", shape: [8, 64], bytes: new Uint8Array(0) } as const;

const K_QUANTS = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"] as const;
const DTYPES = ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", ...K_QUANTS] as const;

function tensorOf({ name, dtype, shape, bytes }: Sample): Tensor {
  const source = bytesSource(bytes);
  return storedTensor(name, dtype, shape, { size: bytes.length, read: source.read });
}

test("every format's values are multiplied exactly, whatever slices are read", async () => {
  assert.ok(isQuantised({ ...SHAPE, shape: [...SHAPE.shape] }));
  for (const dtype of DTYPES) {
    const sample = randomBlocks({ ...SHAPE, shape: [...SHAPE.shape] }, dtype);
    for (const exponent of [1, 3]) {
      const scaled = scaledTensor(tensorOf(sample), exponent, "test.bin");
      const expected = values(sample).map((value) => value * 2 ** exponent);
      for (const piece of [sample.bytes.length, 7, 34])
        assert.deepEqual(values({ ...sample, bytes: await readTensor(scaled, piece) }), expected, dtype);
    }
  }
});

test("numbers below the normal ones, zeros and both signs", async () => {
  const least = 2 ** -149;
  const numbers = [0, -0, least, -3 * least, 2 ** -126 - least, 1.5 * 2 ** -127, -(2 ** -126), 0.1];
  const scaled = scaledTensor(tensorOf(float32("x", [8], numbers)), 5, "test.bin");
  const found = new Float32Array((await readTensor(scaled)).buffer);
  assert.deepEqual(
    found,
    Float32Array.from(numbers, (value) => Math.fround(value) * 32),
  );
  const halves = (bits: number[]): Sample => {
    return { name: "x", dtype: "F16", shape: [bits.length], bytes: new Uint8Array(Uint16Array.from(bits).buffer) };
  };
  const everySmall = halves(Array.from({ length: 0x4000 }, (_, bits) => bits));
  const doubled = await readTensor(scaledTensor(tensorOf(everySmall), 6, "test.bin"));
  assert.deepEqual(
    values({ ...everySmall, bytes: doubled }),
    values(everySmall).map((value) => value * 64),
  ); // prettier-ignore
});

test("what grows beyond its format is refused, what was infinite stays", async () => {
  const cases: [Dtype, number[], boolean][] = [
    ["F16", [0x7bff], false],
    ["F16", [0xfbff], false],
    ["F16", [0x77ff], true],
    ["F16", [0x7c00], true],
    ["BF16", [0x7f7f], false],
    ["F32", [0xffff, 0x7f7f], false],
    ["F32", [0, 0x7f80], true],
  ];
  for (const [dtype, words, fits] of cases) {
    const bytes = new Uint8Array(Uint16Array.from(words).buffer);
    const read = readTensor(scaledTensor(tensorOf({ name: "x", dtype, shape: [1], bytes }), 1, "test.bin"));
    if (fits) await read;
    else await assert.rejects(read, { code: "bad-file", message: /test\.bin: tensor "x" times 2\^1 overflows/ });
  }
});

test("shared memory, and slices outside the tensor", async () => {
  const scaled = scaledTensor(tensorOf(float32("x", [4], [1, 2, 3, 4])), 1, "test.bin");
  const target = new Uint8Array(new SharedArrayBuffer(64), 3, 8);
  await scaled.read(target, 4);
  assert.deepEqual(new Float32Array(target.slice().buffer), Float32Array.of(4, 6));
  for (const from of [-1, 12, Number.NaN]) await assert.rejects(scaled.read(target, from), RangeError);
});
