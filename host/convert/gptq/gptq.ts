// Rounds the matrices of a loaded model to int4 again, so that their results on a text change as little as can be.
import * as abi from "../../../assembly/abi.ts";
import * as buf from "../../../assembly/buffers.ts";
import * as W from "../../../assembly/slots.ts";
import { byteLength } from "../../checkpoint/dtypes.ts";
import { weightFormat } from "../../checkpoint/weight-formats.ts";
import type { Engine } from "../../engine/engine.ts";
import { matrixFormat, type Plan } from "../../engine/plan.ts";
import type { Entry, MatrixEntry } from "../../models/collector.ts";
import type { Recipe } from "../../models/recipe.ts";
import type { LoadControl } from "../../source/progress.ts";
import { allValues } from "../published-values.ts";
import { Arithmetic, transpose } from "./arithmetic.ts";
import { type Factor, factorise } from "./factor.ts";
import { LayerReader } from "./layer-reader.ts";
import { roundToQ4 } from "./round.ts";

/** What each large matrix reads, in all versions: a buffer, in the phase whose name begins so. */
const READS: ReadonlyMap<number, { phase: string; buffer: number }> = new Map([
  [W.ATT_RECEPTANCE, { phase: "att.rkv", buffer: buf.XR }],
  [W.ATT_KEY, { phase: "att.rkv", buffer: buf.XK }],
  [W.ATT_VALUE, { phase: "att.rkv", buffer: buf.XV }],
  [W.ATT_GATE, { phase: "att.rkv", buffer: buf.XG }],
  [W.ATT_OUTPUT, { phase: "att.output", buffer: buf.Y }],
  [W.FFN_RECEPTANCE, { phase: "ffn.key", buffer: buf.XR }],
  [W.FFN_KEY, { phase: "ffn.key", buffer: buf.XK }],
  [W.FFN_VALUE, { phase: "ffn.value", buffer: buf.HIDDEN }],
]);

const PAGE = 65536;

/**
 * Layer by layer, and in a layer phase by phase: what a matrix reads comes from matrices that are rounded already. Memory
 * beside the model: the text's residual stream, and for the widest matrix a square of its inputs, its values twice.
 * @param tokens the text
 */
export async function roundOnText(
  recipe: Recipe,
  plan: Plan,
  engine: Engine,
  tokens: readonly number[],
  { onProgress, signal }: LoadControl,
): Promise<void> {
  const total = recipe.layers.flat().filter((entry) => isRounded(entry, plan)).length;
  const reader = new LayerReader(engine, plan, tokens);
  const arithmetic = new Arithmetic(engine, plan.pages * PAGE);
  let loaded = 0;
  for (const [layer, entries] of recipe.layers.entries()) {
    for (const [phase, name] of recipe.shape.version.phases.entries()) {
      const matrices = entries.filter(
        (entry): entry is MatrixEntry => isRounded(entry, plan) && name.startsWith(READS.get(entry.slot)?.phase ?? ""),
      );
      if (matrices.length === 0) continue;
      await arithmetic.within(async () => {
        for (const [buffer, { sum, size }] of await addSquares(arithmetic, reader, layer, phase, matrices)) {
          const factor = await factorise(arithmetic, sum, size);
          for (const entry of matrices.filter(({ slot }) => READS.get(slot)?.buffer === buffer)) {
            signal?.throwIfAborted();
            await roundMatrix(entry, plan, engine, arithmetic, factor);
            onProgress?.({ loaded: ++loaded, total });
          }
        }
      });
    }
    await reader.read(layer, 0);
  }
}

/** A matrix that is int4 in memory and was not in the file. */
export function isRounded(entry: Entry, { weights }: Plan): entry is MatrixEntry {
  if (entry.kind !== "matrix" || entry.precise || !READS.has(entry.slot) || entry.cols % abi.QUANT_VALUES !== 0)
    return false;
  const isExact = entry.weight.tensor.dtype === weightFormat("int4").dtype && !entry.weight.updates;
  return matrixFormat(entry, weights) === "int4" && !isExact;
}

/** Σ x xᵀ of what matrices read in a phase, by buffer: where it is, and how many values x has. */
async function addSquares(
  arithmetic: Arithmetic,
  reader: LayerReader,
  layer: number,
  phase: number,
  matrices: readonly MatrixEntry[],
): Promise<ReadonlyMap<number, { sum: number; size: number }>> {
  const sums = new Map<number, { sum: number; size: number }>();
  for (const { slot, cols: size } of matrices) {
    const sum = await arithmetic.take(size * size);
    await arithmetic.clear(sum, size * size);
    sums.set(READS.get(slot)!.buffer, { sum, size });
  }
  const turned = await arithmetic.take(abi.BATCH_MAX_ROWS * Math.max(...matrices.map(({ cols }) => cols)));
  await reader.read(layer, phase, async (rows) => {
    for (const [buffer, { sum, size }] of sums) {
      await arithmetic.memory.write(turned, transpose(await reader.rows(buffer, rows), rows, size));
      await arithmetic.addProduct(sum, size, size, turned, reader.address(buffer), rows);
    }
  });
  return sums;
}

/** A matrix's values to int4, in its place. */
async function roundMatrix(
  entry: MatrixEntry,
  plan: Plan,
  engine: Engine,
  arithmetic: Arithmetic,
  factor: Factor,
): Promise<void> {
  const { rows, cols, weight } = entry;
  const blocks = await roundToQ4(arithmetic, await allValues(weight), rows, factor);
  const { id, dtype } = weightFormat("int4");
  await arithmetic.within(async () => {
    const from = await arithmetic.take(blocks.length / 4);
    await engine.memory.write(from, blocks);
    const to = plan.addresses.get(entry) ?? 0;
    await engine.run(abi.OP_PACK_STORED, [to, id, cols, from, byteLength(dtype, cols), 0, rows]);
  });
}
