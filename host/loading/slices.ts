import * as abi from "../../assembly/abi.ts";
import { byteLength } from "../checkpoint/dtypes.ts";
import { type WeightFormat, weightFormat } from "../checkpoint/weight-formats.ts";
import { matrixFormat, type Plan, rowsPerSlice } from "../engine/plan.ts";
import type { Entry, MatrixEntry, TableEntry } from "../models/collector.ts";
import type { Recipe } from "../models/recipe.ts";

export function allEntries(recipe: Recipe): Entry[] {
  return [...recipe.globals, ...recipe.layers.flat()];
}

/** Rows [first, end) of an entry, to be loaded to its address. */
export interface Slice {
  readonly entry: Entry;
  readonly address: number;
  readonly first: number;
  readonly end: number;
}

/** Bytes of the staging area that a slice needs, and those that are read for it. */
interface Needs {
  readonly raw: number;
  readonly f32: number;
  readonly read: number;
}

/** In recipe order. */
function* allSlices(recipe: Recipe, plan: Plan): Generator<Slice, void, void> {
  for (const entry of allEntries(recipe)) {
    if (entry.kind === "table" && plan.embedding === "source") continue;
    const address = plan.addresses.get(entry) ?? 0;
    const rows = entry.kind === "vector" ? 1 : entry.rows;
    const step = entry.kind === "vector" ? 1 : rowsAtOnce(entry, plan);
    for (let first = 0; first < rows; first += step) yield { entry, address, first, end: Math.min(first + step, rows) };
  }
}

/** As many as the staging area holds: a read takes 0.1 ms of the main thread. */
function rowsAtOnce(entry: MatrixEntry | TableEntry, plan: Plan): number {
  if (entry.kind === "matrix" && !isPackedAsStored(entry, plan.weights)) return rowsPerSlice(entry, plan.sliceValues);
  const rows = stagingBytes(plan) / byteLength(entry.weight.tensor.dtype, entry.cols);
  return Math.max(1, Math.floor(rows / abi.UNIT_ROWS)) * abi.UNIT_ROWS;
}

/** Of each of a lane's two areas. */
function stagingBytes({ staging: [lane = { raw: 0, f32: 0 }] }: Plan): number {
  return lane.f32 - lane.raw;
}

/** The slices in groups that the staging area holds: a model has hundreds of vectors, and small matrices. */
export function* allGroups(recipe: Recipe, plan: Plan): Generator<Slice[], void, void> {
  const most = stagingBytes(plan);
  let group: Slice[] = [];
  let sum: Needs = { raw: 0, f32: 0, read: 0 };
  for (const slice of allSlices(recipe, plan)) {
    const more = needsOf(slice, plan.weights);
    const isFull = sum.raw + more.raw > most || sum.f32 + more.f32 > most || sum.read + more.read > most;
    if (group.length > 0 && (isFull || isAlone(slice) || isAlone(group[0]!))) {
      yield group;
      [group, sum] = [[], { raw: 0, f32: 0, read: 0 }];
    }
    group.push(slice);
    sum = { raw: sum.raw + more.raw, f32: sum.f32 + more.f32, read: sum.read + more.read };
  }
  if (group.length > 0) yield group;
}

/** Whether the host has work to do between the commands. */
export function isAlone({ entry }: Slice): boolean {
  return entry.kind === "vector" ? entry.repeat > 1 : Boolean(entry.weight.updates);
}

function needsOf(slice: Slice, weights: WeightFormat): Needs {
  const { entry } = slice;
  const { dtype } = entry.weight.tensor;
  const values = valuesOf(slice);
  const read = byteLength(dtype, values);
  const isInPlace = entry.kind === "table" || (entry.kind === "vector" && dtype === "F32" && entry.repeat === 1);
  if (isInPlace) return { raw: 0, f32: 0, read };
  const isDecoded = entry.kind === "vector" ? entry.repeat > 1 : !isPackedAsStored(entry, weights);
  return {
    raw: dtype === "F32" ? 0 : aligned(read),
    f32: isDecoded ? aligned(4 * values) : 0,
    read,
  };
}

/** Values of the file. */
function valuesOf({ entry, first, end }: Slice): number {
  return entry.kind === "vector" ? entry.length / entry.repeat : (end - first) * entry.cols;
}

/** Whether a matrix is packed from the file's own integers and scales. */
export function isPackedAsStored(e: MatrixEntry, weights: WeightFormat): boolean {
  const { dtype, quantised } = weightFormat(matrixFormat(e, weights));
  return quantised && e.weight.tensor.dtype === dtype && !e.transposed && !e.weight.updates;
}

export function aligned(bytes: number): number {
  return Math.ceil(bytes / abi.LINE) * abi.LINE;
}
