/**
 * Number formats of stored tensors. The Q formats are ggml's blocks along the last axis: 32 values each, 256 in
 * K-quants.
 */
export type Dtype = "F32" | "F16" | "BF16" | "Q4_0" | "Q4_1" | "Q5_0" | "Q5_1" | "Q8_0" | KQuant;

export type KQuant = "Q2_K" | "Q3_K" | "Q4_K" | "Q5_K" | "Q6_K";

/** Bytes that `count` values take; in a Q format `count` must be a multiple of the block. */
export function byteLength(dtype: Dtype, count: number): number {
  return (count / BLOCK[dtype].values) * BLOCK[dtype].bytes;
}

/** Smallest readable unit of each format. */
export const BLOCK: Readonly<Record<Dtype, { values: number; bytes: number }>> = {
  F32: { values: 1, bytes: 4 },
  F16: { values: 1, bytes: 2 },
  BF16: { values: 1, bytes: 2 },
  Q4_0: { values: 32, bytes: 18 },
  Q4_1: { values: 32, bytes: 20 },
  Q5_0: { values: 32, bytes: 22 },
  Q5_1: { values: 32, bytes: 24 },
  Q8_0: { values: 32, bytes: 34 },
  Q2_K: { values: 256, bytes: 84 },
  Q3_K: { values: 256, bytes: 110 },
  Q4_K: { values: 256, bytes: 144 },
  Q5_K: { values: 256, bytes: 176 },
  Q6_K: { values: 256, bytes: 210 },
};
