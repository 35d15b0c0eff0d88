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
  /** Of a packed file: `dtype` is what the tensor is in memory, too. */
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

/** Whether this is the state that a layer starts with after state tuning: [heads, values, keys]. By its published name. */
export function isTunedState(name: string): boolean {
  return name.endsWith(".att.time_state");
}

/** One run of bytes of a file, which is memory from the first weight to the last. */
export interface PackedWeights {
  readonly weights: WeightFormat;
  readonly groupNormEps: number;
  /** Bytes of the run. */
  readonly size: number;
  /** Where a weight is in the run: bytes [begin, end). */
  readonly ranges: ReadonlyMap<string, { begin: number; end: number }>;
  /** Fills `target` from byte `from` of the run on. */
  read(target: Uint8Array, from: number): Promise<void>;
}
