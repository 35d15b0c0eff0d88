import type { Collector } from "./collector.ts";

/** What a model is, read from its tensors' names and shapes. */
export interface Shape {
  readonly version: Version;
  /** The version with its minor number where there is one: "4", "5.0", "5.1", "5.2", "6", "7". */
  readonly release: string;
  readonly layers: number;
  /** Values in a row of the residual stream (n_embd). */
  readonly width: number;
  /** Values per head; of RWKV-4, which has no heads, the channels that a thread takes together. */
  readonly headSize: number;
  readonly vocabSize: number;
  /** Hidden values of the channel mixing. */
  readonly ffn: number;
  /** Hidden values of the widest low-rank products, in the order of the version's. */
  readonly ranks: readonly number[];
  /** The parts of one layer's state, in their order: the two token shifts, then what the recurrence carries. */
  readonly stateParts: readonly StatePart[];
  /** Values of one layer's state. */
  readonly layerState: number;
}

/**
 * Everything the host knows about a version of RWKV. A new version is a record of this kind in a file of its own, and a
 * line in versions.ts.
 */
export interface Version {
  /** RWKV... of abi.ts: the forward pass. */
  readonly id: number;
  /** "rwkv7" */
  readonly name: string;
  /** A tensor of block 0 that gives the version away: for the message about models that are none of them. */
  readonly marker: string;
  /** @returns the version with its minor number, where block 0 is one of this version */
  recognise(block: Collector): string | undefined;
  /** Values per head; for versions without heads, the channels that a thread takes together. */
  headSize(block: Collector, width: number): number;
  readonly hasHeads: boolean;
  /** Adds the entries of one layer, beyond the four norms that every version has. */
  collect(collector: Collector, shape: Shape, layer: number): void;
  /** Published names of tensors that some files have and no formula uses. */
  readonly unused?: RegExp;
  /** Epsilon of the group norm for files of a naming scheme, where it is not the common one. */
  groupNormEps?(scheme: string): number | undefined;
  /** The low-rank products, in the order of the buffers LORA_W, LORA_A, LORA_V, LORA_G: name, and first matrix. */
  readonly ranks: readonly { readonly name: string; readonly tensor: string }[];
  /** Buffers of `width` values beyond those that every version has: results of products, and inputs of products. */
  readonly buffers: { readonly results: readonly number[]; readonly inputs: readonly number[] };
  /** What the recurrence of one layer carries, in the kernels' order, after the two token shifts. */
  stateParts(sizes: { width: number; headSize: number }): StatePart[];
  /** Axes of the published `att.state` after the heads; undefined where the state has no matrices. */
  readonly stateOrder: "key-value" | "value-key" | undefined;
  /** Slots that a head's output is multiplied with: zeros there cut the head out. */
  readonly headScales: readonly number[];
  /** The phases of a layer, in the order of assembly/rwkvN.ts. */
  readonly phases: readonly string[];
}

/** A part of a layer's state, as a tensor. */
export interface StatePart {
  readonly name: string;
  readonly shape: readonly number[];
  /** Every value before the first token; 0 by default. */
  readonly initial?: number;
}

/** The state of RWKV-5, 6 and 7: one matrix per head. */
export function headMatrices({ width, headSize }: { width: number; headSize: number }): StatePart[] {
  return [{ name: "att.state", shape: [width / headSize, headSize, headSize] }];
}
