// A model's tensors as published: f32, in the published order, LoRAs added.
import { valueCount } from "../checkpoint/stored.ts";
import { WkvError } from "../errors.ts";
import type { Entry } from "../models/collector.ts";
import type { Recipe } from "../models/recipe.ts";
import { storedValues, weightValues } from "../models/values.ts";
import type { LowRankUpdate, Weight } from "../models/weights.ts";

/** Values that are decoded at a time; whole blocks of every format. */
const SLICE_VALUES = 1 << 20;

/** A tensor as published: a weight, or all views of one along its first axis. */
export interface PublishedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** The first of its entries in the recipe. */
  readonly entry: Entry;
  readonly views: readonly Weight[];
}

/** @throws WkvError `unsupported-model` when the file holds functions of the published values */
export function publishedTensors({ globals, layers }: Recipe, file: string): PublishedTensor[] {
  const tensors = new Map<string, PublishedTensor>();
  for (const entry of [...globals, ...layers.flat()]) {
    const { weight } = entry;
    refuseTransformed(weight, file);
    const [, parent = weight.name] = /^(.*)\[\d+\]$/.exec(weight.name) ?? [];
    const earlier = tensors.get(parent);
    const views = [...(earlier?.views ?? []), weight];
    const shape = parent === weight.name ? weight.shape : [views.length, ...weight.shape];
    tensors.set(parent, { name: parent, shape, entry: earlier?.entry ?? entry, views });
  }
  return [...tensors.values()];
}

function refuseTransformed(weight: Weight, file: string): void {
  if (!weight.transformed) return;
  throw new WkvError(
    "unsupported-model",
    `${file} holds a function of ${weight.name}, which cannot be undone exactly: convert the .pth, or pack it.`,
  );
}

/** Slice by slice, or all together when the file has the axes swapped. */
export async function* publishedValues(weight: Weight): AsyncGenerator<Float32Array> {
  const count = valueCount(weight.shape);
  const { updates = [] } = weight;
  if (weight.transposed) {
    yield await weightValues(weight);
    return;
  }
  const cols = weight.shape.at(-1) ?? 1;
  const step = updates.length > 0 ? Math.max(1, Math.floor(SLICE_VALUES / cols)) * cols : SLICE_VALUES;
  const firsts = await Promise.all(updates.map(({ a }) => weightValues(a)));
  for (let first = 0; first < count; first += step) {
    const stored = await storedValues(weight, first, Math.min(step, count - first));
    for (const [i, update] of updates.entries())
      await addUpdate(stored, first / cols, cols, update, firsts[i] as Float32Array);
    yield stored;
  }
}

/** All of them together. */
export async function allValues(weight: Weight): Promise<Float32Array> {
  const all = new Float32Array(valueCount(weight.shape));
  let at = 0;
  for await (const values of publishedValues(weight)) {
    all.set(values, at);
    at += values.length;
  }
  return all;
}

/** Rows from `firstRow` on += factor · B A, one rank after the other in f32: the bits that the loader gives. */
async function addUpdate(
  rows: Float32Array,
  firstRow: number,
  cols: number,
  { b, rank, factor }: LowRankUpdate,
  a: Float32Array,
): Promise<void> {
  const second = await storedValues(b, firstRow * rank, (rows.length / cols) * rank);
  for (let r = 0; r * cols < rows.length; r++)
    for (let k = 0; k < rank; k++) {
      const scale = Math.fround(factor * (second[r * rank + k] as number));
      for (let c = 0; c < cols; c++) {
        const at = r * cols + c;
        rows[at] = (rows[at] as number) + Math.fround(scale * (a[k * cols + c] as number));
      }
    }
}
