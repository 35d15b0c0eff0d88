/** GGUF files of RWKV-6 and 7: none comes with the project, so the committed models are converted here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readGolden } from "../support/checkpoint-checks.ts";
import { type ConvertOptions, toGguf } from "../support/convert-gguf.ts";
import { type Sample, safetensors } from "../support/make-checkpoints.ts";
import { committed, load } from "../support/models.ts";
import { isQuantised, randomBlocks } from "../support/random-blocks.ts";
import { asFloat32, float32, values } from "../support/tensor-values.ts";
import { checkEveryToken, lastLogits } from "./check.ts";
import { goldenOf } from "./goldens.ts";

const RWKV6 = { file: "q6.pth", options: { architecture: "rwkv6", headSize: 32 } } as const;
const RWKV7 = { file: "q7.zip.pth", options: { architecture: "rwkv7", headSize: 64 } } as const;
const MODELS = [RWKV6, RWKV7];
const FORMATS = ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"] as const;

for (const { file, options } of MODELS)
  test(`${file} as .gguf gives its golden`, async () => {
    const model = await load(toGguf(await readGolden(committed(file)), options));
    try {
      assert.equal(model.info.architecture, options.architecture);
      await checkEveryToken(model, goldenOf(file));
    } finally {
      await model.dispose();
    }
  });

for (const { file, options } of MODELS)
  for (const dtype of FORMATS)
    test(`${file} as .gguf of ${dtype} gives the same bits as its values in float32`, async () => {
      const stored = [...(await readGolden(committed(file))).values()].map((sample) =>
        isQuantised(sample) ? randomBlocks(sample, dtype) : sample,
      );
      await assertSameLogits(stored, options);
    });

for (const dtype of ["F32", ...FORMATS] as const)
  test(`RWKV-6 of ${dtype}, its later layers divided, gives the bits of the whole values`, async () => {
    const stored = [...(await readGolden(committed(RWKV6.file))).values()].map((sample) =>
      isQuantised(sample) && dtype !== "F32" ? randomBlocks(sample, dtype) : asFloat32(sample),
    );
    for (const rescale of [1, 2]) await assertSameLogits(stored, { ...RWKV6.options, rescale });
  });

test("RWKV-6 with its mixing vectors one by one", async () => {
  const stored = [...(await readGolden(committed(RWKV6.file))).values()];
  await assertSameLogits(stored, { ...RWKV6.options, fused: false });
});

test("RWKV-7 whose block 0 has copies of a for v, and whose others have ranks of their own", async () => {
  const model = await readGolden(committed(RWKV7.file));
  const whole = await load(toGguf(model, RWKV7.options));
  const without = new Map([...model].filter(([name]) => !/^blocks\.0\.att\.v[012]$/.test(name)));
  const lacking = await load(toGguf(without, RWKV7.options));
  assert.deepEqual(lacking.info, whole.info);
  await whole.dispose();
  await lacking.dispose();
});

/** As GGUF and, undivided and as float32, as .safetensors. */
async function assertSameLogits(stored: readonly Sample[], options: ConvertOptions): Promise<void> {
  const file = toGguf(new Map(stored.map((sample) => [sample.name, sample])), options);
  const published = stored.map((sample) => multiplied(asFloat32(sample), divisor(sample.name, options.rescale ?? 0)));
  assert.deepEqual(await lastLogits(file), await lastLogits(safetensors(published)));
}

/** What llama.cpp's converter divides a tensor by. */
function divisor(name: string, every: number): number {
  const layer = /^blocks\.(\d+)\.(?:att\.output|ffn\.value)\.weight$/.exec(name)?.[1];
  return layer === undefined || every === 0 ? 1 : 2 ** Math.floor(Number(layer) / every);
}

function multiplied(sample: Sample, factor: number): Sample {
  return factor === 1
    ? sample
    : float32(
        sample.name,
        sample.shape,
        values(sample).map((value) => value * factor),
      );
}
