import type { ModelConfig } from "./config.ts";
import type { Dtype } from "./dtypes.ts";
import type { Metadata } from "./metadata.ts";
import type { WeightFormat } from "./weight-formats.ts";

/** A named tensor in a file: a directory entry; its values stay in the file until they are read. */
export interface Tensor {
  readonly name: string;
  readonly dtype: Dtype;
  /** Row-major, outermost axis first, as torch prints it. */
  readonly shape: readonly number[];
  /** In packed files, `dtype` is also the format in memory. */
  readonly packed?: true;
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
  /** Entries without weights, such as counters and integer masks: name to description. For `inspect` and messages. */
  readonly skipped?: ReadonlyMap<string, string>;
  /** The file's own metadata about its model; only GGUF files have it. */
  readonly metadata?: Metadata;
  /** The `config.json` of a Hugging Face repository. */
  readonly config?: ModelConfig;
  /** The files of a model split into several: plain names and sizes in bytes. */
  readonly parts?: readonly { readonly name: string; readonly size: number }[];
  /**
   * Only in files packed by `wkv convert`: the weights as the kernels read them. Their tensors cannot be read one by
   * one.
   */
  readonly packed?: PackedWeights;
  /** The vocabulary inside a file of `wkv convert`: a file's contents, or "bytes". */
  readonly vocabulary?: () => Promise<Uint8Array | "bytes">;
}

/** Whether a tensor with this published name is a tuned state: a layer's initial state, [heads, values, keys]. */
export function isTunedState(name: string): boolean {
  return name.endsWith(".att.time_state");
}

/** One contiguous range of the file: memory from the first weight to the last. */
export interface PackedWeights {
  readonly weights: WeightFormat;
  readonly groupNormEps: number;
  /** Length in bytes. */
  readonly size: number;
  /** Where a weight is in the range: bytes [begin, end). */
  readonly ranges: ReadonlyMap<string, { begin: number; end: number }>;
  /** Fills `target` from byte `from` of the range on. */
  read(target: Uint8Array, from: number): Promise<void>;
}
