// What the number of weights that share a scale costs: the bundled model with its matrices rounded to int8 in blocks
// of several sizes, everything else exact.
import { readFileSync } from "node:fs";
import { loadModel } from "wkv";
import { perplexity } from "wkv/measure";
import type { Tensor as Stored } from "../host/checkpoint/checkpoint.ts";
import { openCheckpoint } from "../host/checkpoint/open.ts";
import { weightValues } from "../host/models/values.ts";
import { whole } from "../host/models/weights.ts";
import { openSource } from "../host/source/open.ts";
import { safetensors } from "../test/support/make-checkpoints.ts";
import { float32 } from "../test/support/tensor-values.ts";

const SIZES = [16, 32, 64, 128, Infinity];
const SCALE_BYTES = 2;

interface Row {
  /** Columns that share a scale; Infinity: a whole row. */
  readonly size: number;
  readonly bytesPerWeight: number;
  /** √(Σ error² / Σ weight²) over all matrices. */
  readonly error: number;
  readonly bitsPerByte: number;
  readonly klDivergence: number;
}

/** @param path a .safetensors under the published names @param vocab its vocabulary's file */
export async function measureBlockSizes(path: string, vocab: string, text: Uint8Array): Promise<Row[]> {
  const tensors = await readTensors(path);
  const exact = await loadModel(path, { weights: "f32" });
  const rows: Row[] = [];
  for (const size of SIZES) {
    const rounded = tensors.map((tensor) => (isMatrix(tensor) ? round(tensor, size) : tensor));
    const file = safetensors(rounded.map(({ name, shape, values }) => float32(name, shape, values)));
    const model = await loadModel(file, { weights: "f32", vocab: readFileSync(vocab) });
    const { bitsPerByte, compared } = await perplexity(model, text, { compare: exact });
    await model.dispose();
    const columns = Math.max(...tensors.filter(isMatrix).map(({ shape }) => shape.at(-1) ?? 1));
    const bytesPerWeight = 1 + SCALE_BYTES / Math.min(size, columns);
    rows.push({
      size,
      bytesPerWeight,
      error: distance(tensors, rounded),
      bitsPerByte,
      klDivergence: compared!.klDivergence,
    });
    console.error(`wkv: blocks of ${size} measured`);
  }
  await exact.dispose();
  return rows;
}

export function blockSizeTable(rows: readonly Row[]): string {
  const lines = rows.map(({ size, bytesPerWeight, error, bitsPerByte, klDivergence }) =>
    [
      size === Infinity ? "a row" : size,
      bytesPerWeight.toFixed(3),
      `${(100 * error).toFixed(3)} %`,
      bitsPerByte.toFixed(4),
      klDivergence.toExponential(2),
    ].join(" | "),
  );
  return `| Columns that share a scale | Bytes per weight | Error of the weights | Bits per byte | KL divergence to f32 (nats) |
| --- | --- | --- | --- | --- |
${lines.map((line) => `| ${line} |`).join("\n")}`;
}

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

async function readTensors(path: string): Promise<Tensor[]> {
  const file = await openSource(path);
  try {
    const { tensors } = await openCheckpoint(file);
    const read = async (tensor: Stored): Promise<Tensor> => {
      return { name: tensor.name, shape: tensor.shape, values: await weightValues(whole(tensor)) };
    };
    return await Promise.all([...tensors.values()].map(read));
  } finally {
    await file.close();
  }
}

/** The low-rank matrices stay exact here: they are stored by columns, and a hundredth of the weights. */
function isMatrix({ name }: Tensor): boolean {
  return /(receptance|key|value|output|head)\.weight$/.test(name);
}

function round(tensor: Tensor, size: number): Tensor {
  const columns = tensor.shape.at(-1) ?? 1;
  const values = tensor.values.slice();
  for (let row = 0; row < values.length; row += columns) {
    for (let c = 0; c < columns; c += size) roundBlock(values.subarray(row + c, row + Math.min(columns, c + size)));
  }
  return { ...tensor, values };
}

function roundBlock(block: Float32Array): void {
  const scale = block.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
  if (scale > 0) for (let i = 0; i < block.length; i++) block[i] = scale * Math.round((block[i] as number) / scale);
}

function distance(exact: readonly Tensor[], rounded: readonly Tensor[]): number {
  let [squares, errors] = [0, 0];
  for (const [t, tensor] of exact.entries()) {
    if (!isMatrix(tensor)) continue;
    for (const [i, value] of tensor.values.entries()) {
      squares += value ** 2;
      errors += (value - ((rounded[t] as Tensor).values[i] as number)) ** 2;
    }
  }
  return Math.sqrt(errors / squares);
}
