import type { ModelConfig } from "./config.ts";
import type { Metadata } from "./metadata.ts";

/** Number formats of stored tensors. The Q formats are ggml's blocks along the last axis: of 32 values, K-quants of 256. */
export type Dtype = "F32" | "F16" | "BF16" | "Q4_0" | "Q4_1" | "Q5_0" | "Q5_1" | "Q8_0" | KQuant;

export type KQuant = "Q2_K" | "Q3_K" | "Q4_K" | "Q5_K" | "Q6_K";

/** A named tensor in a file: a directory entry; its values stay in the file until they are read. */
export interface Tensor {
  readonly name: string;
  readonly dtype: Dtype;
  /** Row-major, outermost axis first, as torch prints it. */
  readonly shape: readonly number[];
  /**
   * Fills `target` with the tensor's row-major bytes from byte `from` on. Views with other strides are gathered.
   * @throws WkvError `bad-file` when the file ends early
   */
  read(target: Uint8Array, from: number): Promise<void>;
}

/** A model file as a directory of tensors, under the names that the file gives them. */
export interface Checkpoint {
  readonly format: "pth" | "safetensors" | "rwkv.cpp" | "gguf" | "packed";
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Entries that hold no weights, such as counters and integer masks: name to what it is. For `inspect` and messages. */
  readonly skipped?: ReadonlyMap<string, string>;
  /** What the file says of its model in words and numbers; only GGUF files do. */
  readonly metadata?: Metadata;
  /** The `config.json` of a repository from Hugging Face. */
  readonly config?: ModelConfig;
  /** The files of a model that is in several: plain names, and bytes of each. */
  readonly parts?: readonly { readonly name: string; readonly size: number }[];
  /** Only of files that `wkv convert` packed: the weights as the kernels read them. Its tensors cannot be read one by one. */
  readonly packed?: PackedWeights;
  /** The vocabulary that a file of `wkv convert` carries: a file's contents, or "bytes". */
  readonly vocabulary?: () => Promise<Uint8Array | "bytes">;
}

/** One run of bytes of a file, which is memory from the first weight to the last. */
export interface PackedWeights {
  readonly weights: "f32" | "int8";
  readonly groupNormEps: number;
  /** Bytes of the run. */
  readonly size: number;
  /** Where a weight is in the run: bytes [begin, end). */
  readonly places: ReadonlyMap<string, { begin: number; end: number }>;
  /** Fills `target` from byte `from` of the run on. */
  read(target: Uint8Array, from: number): Promise<void>;
}

/** Bytes that `count` values take; `count` must be whole blocks of a Q format. */
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
