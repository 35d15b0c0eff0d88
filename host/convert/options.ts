import type { WeightFormat } from "../checkpoint/weight-formats.ts";
import { OPEN_OPTIONS, type OpenOptions } from "../model/open.ts";
import type { Progress } from "../source/progress.ts";
import type { TokenizerSource } from "../tokenizer/load.ts";

export interface ConvertOptions extends OpenOptions {
  /**
   * "int8" (the default), "int4" and "f32": packed, the bytes as the kernels read them, for the quickest start. "f16": a
   * plain safetensors file under the published names, which other programs read too; packed when it is loaded. In a GGUF
   * they are Q8_0, Q4_0, F32 and F16.
   */
  weights?: WeightFormat | "f16" | "auto";
  /**
   * Rounds to int4 so that the results on a text change as little as can be (GPTQ): a text of the kind that the model is
   * for, of which 8,192 tokens are read, or true for one that the model writes itself. Takes minutes.
   */
  calibrate?: true | string | Uint8Array;
  /** Of weights "auto", which measures what each matrix costs as int4: the most bytes that the file may have. */
  size?: number;
  /** "gguf": a file that llama.cpp reads too, of RWKV-6 and 7. Default: by the target's name, otherwise "safetensors". */
  format?: "safetensors" | "gguf";
  /** The vocabulary to include in the file, chosen as by `loadModel`. null: none. */
  vocab?: TokenizerSource | null;
  /** Epsilon of the group norm in RWKV-5 to 7, if it differs from `loadModel`'s choice; only for packed files. */
  groupNormEps?: number;
  threads?: number;
  onProgress?: (progress: Progress) => void;
}

export const CONVERT_OPTIONS = {
  ...OPEN_OPTIONS,
  weights: true,
  calibrate: true,
  size: true,
  format: true,
  vocab: true,
  groupNormEps: true,
  threads: true,
  onProgress: true,
} as const satisfies Record<keyof ConvertOptions, true>;

export interface Converted {
  /** Size of the file. */
  readonly bytes: number;
  /** "auto" gives int4, with some matrices in int8. */
  readonly weights: WeightFormat | "f16";
  /** Kind of the vocabulary in the file; undefined if there is none. */
  readonly tokenizer: string | undefined;
}

/** A path, or a stream that is closed at the end. */
export type ConvertTarget = string | URL | WritableStream<Uint8Array>;
