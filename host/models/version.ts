import type { Collector } from "./collector.ts";

/** A model's architecture, read from its tensors' names and shapes. */
export interface Shape {
  readonly version: Version;
  /** The version, with a minor number if there is one: "4", "5.0", "5.1", "5.2", "6", "7". */
  readonly release: string;
  readonly layers: number;
  /** Values in a row of the residual stream (n_embd). */
  readonly width: number;
  /** Values per head; for RWKV-4, which has no heads, the channels that a thread processes together. */
  readonly headSize: number;
  readonly vocabSize: number;
  /** Hidden values of the channel mixing. */
  readonly ffn: number;
  /** Hidden values of the widest low-rank products, in the version's order. */
  readonly ranks: readonly number[];
  /** The parts of one layer's state, in order: the two token shifts, then the recurrence. */
  readonly stateParts: readonly StatePart[];
  /** Values of one layer's state. */
  readonly layerState: number;
}

/**
 * Everything the host knows about an RWKV version. A new version is one such record in a new file, and a line in
 * versions.ts.
 */
export interface Version {
  /** RWKV... of abi.ts: selects the forward pass. */
  readonly id: number;
  /** "rwkv7" */
  readonly name: string;
  /** A tensor of block 0 that identifies the version; listed in the message about unknown models. */
  readonly marker: string;
  /** @returns the version with its minor number if block 0 has this version, else undefined */
  recognise(block: Collector): string | undefined;
  /** Values per head; for versions without heads, the channels that a thread processes together. */
  headSize(block: Collector, width: number): number;
  readonly hasHeads: boolean;
  /** Adds the entries of one layer, except the four norms that every version has. */
  collect(collector: Collector, shape: Shape, layer: number): void;
  /** Published names of tensors that some files have and the formula does not use. */
  readonly unused?: RegExp;
  /** Epsilon of the group norm for files of a naming scheme, if it differs from the default. */
  groupNormEps?(scheme: string): number | undefined;
  /** The low-rank products, in the order of the buffers LORA_W, LORA_A, LORA_V, LORA_G: name, and first matrix. */
  readonly ranks: readonly { readonly name: string; readonly tensor: string }[];
  /** Buffers of `width` values beyond those of every version: outputs of products, and inputs of products. */
  readonly buffers: { readonly results: readonly number[]; readonly inputs: readonly number[] };
  /** The recurrent state of one layer, in kernel order, after the two token shifts. */
  stateParts(sizes: { width: number; headSize: number }): StatePart[];
  /** Axes of the published `att.state` after the heads; undefined if the state has no matrices. */
  readonly stateOrder: "key-value" | "value-key" | undefined;
  /** Slots that a head's output is multiplied with: zeroing them cuts the head. */
  readonly headScales: readonly number[];
  /** The phases of a layer, in the order of assembly/rwkvN.ts. */
  readonly phases: readonly string[];
}

/** A part of a layer's state, as a tensor. */
export interface StatePart {
  readonly name: string;
  readonly shape: readonly number[];
  /** Initial value of every element; default 0. */
  readonly initial?: number;
}

/** The state of RWKV-5, 6 and 7: one matrix per head. */
export function headMatrices({ width, headSize }: { width: number; headSize: number }): StatePart[] {
  return [{ name: "att.state", shape: [width / headSize, headSize, headSize] }];
}
