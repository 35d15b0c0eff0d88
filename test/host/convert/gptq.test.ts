/** Rounding to int4 on a text, and mixtures of int4 and int8. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { describe, test } from "node:test";
import { type ConvertOptions, convertModel, loadModel, type Progress } from "wkv";
import { perplexity } from "wkv/measure";
import { Arithmetic } from "../../../host/convert/gptq/arithmetic.ts";
import { factorise } from "../../../host/convert/gptq/factor.ts";
import type { Engine } from "../../../host/engine/engine.ts";
import { readItems } from "../../../tools/answers.ts";
import { convert, folder, logitsOf } from "../../support/converting.ts";
import { committed, FAIRY, ONE_OF_EACH, randomTokens, SMALL, symbol, symbols } from "../../support/models.ts";
import { random } from "../../support/random.ts";
import { watchThreads } from "../../support/threads.ts";

watchThreads();

const TEXT = readItems()
  .map(({ prompt, completion }) => prompt + completion)
  .join("");
/** Rows of the smallest model. */
const IDS = 90;
/** Not the text that is measured. */
const CALIBRATION = TEXT.slice(-10_000);

async function divergence(path: string, options: ConvertOptions): Promise<{ kl: number; bytes: number }> {
  await convertModel(FAIRY, path, { threads: 2, ...options });
  const [model, exact] = await Promise.all([loadModel(path), loadModel(FAIRY, { weights: "f32" })]);
  const { compared } = await perplexity(model, TEXT.slice(0, 3000), { compare: exact });
  await model.dispose();
  await exact.dispose();
  return { kl: compared!.klDivergence, bytes: statSync(path).size };
}

describe("a trained model", () => {
  const path = `${folder}/trained.safetensors`;

  test("a text takes divergence away, and a size is kept", async () => {
    const plain = await divergence(path, { weights: "int4" });
    const rounded = await divergence(path, { weights: "int4", calibrate: CALIBRATION });
    assert.equal(rounded.bytes, plain.bytes);
    assert.ok(rounded.kl < plain.kl, `${rounded.kl} against ${plain.kl}`);
    const whole = await divergence(path, { weights: "int8" });
    const size = Math.round((plain.bytes + whole.bytes) / 2);
    const mixed = await divergence(path, { weights: "auto", size, calibrate: CALIBRATION });
    assert.ok(mixed.bytes <= size && mixed.bytes > 0.95 * size, `${mixed.bytes} for ${size}`);
    assert.ok(mixed.kl < rounded.kl, `${mixed.kl} against ${rounded.kl}`);
  });
});

test("a text that the model writes itself", async () => {
  const rounded = await logitsOf(await convert(SMALL, "own", { weights: "int4", calibrate: true }));
  assert.ok(rounded.every(Number.isFinite));
  assert.notDeepEqual(rounded, await logitsOf(SMALL, "int4"));
});

for (const path of ONE_OF_EACH)
  test(`${path.split("/").at(-1)}: the matrices of every version, on any number of threads`, async () => {
    const calibrate = randomTokens(400, IDS).map(symbol).join("");
    const shares: number[] = [];
    const onProgress = ({ loaded, total }: Progress) => void shares.push(loaded / total);
    const options = { weights: "int4", calibrate, vocab: symbols(IDS), onProgress } as const;
    const rounded = await logitsOf(await convert(path, "one", { ...options, threads: 1 }));
    assert.deepEqual(
      shares,
      shares.toSorted((a, b) => a - b),
    );
    assert.ok(Math.abs(shares.at(-1)! - 1) < 1e-9);
    assert.notDeepEqual(rounded, await logitsOf(path, "int4"));
    assert.deepEqual(await logitsOf(await convert(path, "three", { ...options, threads: 3 })), rounded);
  });

test("what is asked for together", async () => {
  const cases: [ConvertOptions, RegExp][] = [
    [{ weights: "int8", calibrate: true }, /"calibrate" expected weights: "int4" or "auto"/],
    [{ weights: "int4", size: 1e6 }, /"size" expected .* beside weights: "auto"/],
    [{ weights: "auto", size: 10 }, /"size" expected at least \d+/],
    [{ weights: "int4", calibrate: "" }, /needs a vocabulary/],
  ];
  for (const [options, message] of cases)
    await assert.rejects(convert(committed("q7.zip.pth"), "no", options), message);
});

test("a sum of squares is R Rᵀ", async () => {
  const size = 96;
  const next = random(3);
  const inputs = Array.from({ length: 200 }, () => Array.from({ length: size }, () => next(2000) / 1000 - 1));
  const sum = new Float32Array(size * size);
  for (const x of inputs)
    for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) sum[i * size + j]! += x[i]! * x[j]!;
  const memory = new PlainMemory();
  const arithmetic = new Arithmetic(memory as unknown as Engine, 4096);
  const at = await arithmetic.take(size * size);
  await memory.memory.write(at, sum);
  const { columns, squares } = await factorise(arithmetic, at, size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let product = 0;
      for (let c = i; c < size; c++) product += columns[c * size + i]! * columns[c * size + j]!;
      const expected = i === j ? squares[i]! : sum[i * size + j]!;
      assert.ok(Math.abs(product - expected) < 0.01, `${i}, ${j}: ${product} instead of ${expected}`);
    }
});

/** An engine that knows no more than products of matrices. */
class PlainMemory {
  readonly #values = new Float32Array(1 << 20);

  readonly memory = {
    grow: async () => {},
    write: async (address: number, values: Float32Array) => this.#values.set(values, address / 4),
    read: async (address: number, length: number) => this.#values.slice(address / 4, address / 4 + length),
  };

  async run(_: number, [to, rows, cols, a, b, rank]: number[]): Promise<void> {
    for (let r = 0; r < rows!; r++)
      for (let k = 0; k < rank!; k++)
        for (let c = 0; c < cols!; c++)
          this.#values[to! / 4 + r * cols! + c]! +=
            this.#values[b! / 4 + r * rank! + k]! * this.#values[a! / 4 + k * cols! + c]!;
  }
}
