import type { Tensor } from "../checkpoint/checkpoint.ts";
import { BLOCK, byteLength } from "../checkpoint/dtypes.ts";
import { decodeValues } from "../checkpoint/values.ts";
import { count } from "../models/weights.ts";

/** Statistics of the values of one or several tensors. */
export interface Stats {
  /** Values that are not a number. */
  nan: number;
  infinite: number;
  /** Smallest and largest finite value; null if there is none. */
  min: number | null;
  max: number | null;
}

/** Values read at a time; whole blocks of every format. */
const SLICE_VALUES = 1 << 20;

/** Reads all values of a tensor. */
export async function tensorStats(tensor: Tensor): Promise<Stats> {
  const { dtype, shape } = tensor;
  let stats = noStats();
  const total = count(shape);
  const slice = Math.ceil(SLICE_VALUES / BLOCK[dtype].values) * BLOCK[dtype].values;
  for (let first = 0; first < total; first += slice) {
    const bytes = new Uint8Array(byteLength(dtype, Math.min(slice, total - first)));
    await tensor.read(bytes, byteLength(dtype, first));
    stats = mergeStats(stats, valueStats(decodeValues(dtype, bytes)));
  }
  return stats;
}

/** Of an empty set. */
export function noStats(): Stats {
  return { nan: 0, infinite: 0, min: null, max: null };
}

export function mergeStats(a: Stats, b: Stats): Stats {
  return {
    nan: a.nan + b.nan,
    infinite: a.infinite + b.infinite,
    min: a.min === null || b.min === null ? (a.min ?? b.min) : Math.min(a.min, b.min),
    max: a.max === null || b.max === null ? (a.max ?? b.max) : Math.max(a.max, b.max),
  };
}

function valueStats(values: Float32Array): Stats {
  let [nan, infinite, min, max] = [0, 0, Infinity, -Infinity];
  for (const value of values) {
    if (Number.isNaN(value)) nan++;
    else if (Math.abs(value) === Infinity) infinite++;
    else {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return min <= max ? { nan, infinite, min, max } : { nan, infinite, min: null, max: null };
}
