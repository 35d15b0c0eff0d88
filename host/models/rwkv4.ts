import * as abi from "../../assembly/abi.ts";
import * as W from "../../assembly/slots.ts";
import type { Collector } from "./collector.ts";
import type { Shape, Version } from "./version.ts";

/** The running maximum of exponents before the first token. */
const NO_EXPONENT = -1e30;

/** RWKV-4: see assembly/rwkv4.ts. */
export const VERSION4: Version = {
  id: abi.RWKV4,
  name: "rwkv4",
  marker: "att.time_mix_k",
  recognise: (block) => (block.has("att.time_mix_k") ? "4" : undefined),
  headSize: () => abi.UNIT_ROWS,
  hasHeads: false,
  collect,
  ranks: [],
  buffers: { results: [], inputs: [] },
  stateParts: ({ width }) => [
    { name: "att.aa", shape: [width] },
    { name: "att.bb", shape: [width] },
    { name: "att.pp", shape: [width], initial: NO_EXPONENT },
  ],
  stateOrder: undefined,
  headScales: [],
  phases: ["mix", "att.rkv", "wkv", "att.output", "mix", "ffn.key", "ffn.value"],
};

function collect(c: Collector, { width, ffn }: Shape): void {
  c.vector(W.MIX_R, "att.time_mix_r", width);
  c.vector(W.MIX_K, "att.time_mix_k", width);
  c.vector(W.MIX_V, "att.time_mix_v", width);
  const fold = c.weight("att.time_decay").transformed ? 0 : abi.FOLD_NEG_EXP;
  c.vector(W.DECAY, "att.time_decay", width, { fold });
  c.vector(W.BONUS, "att.time_first", width);
  collectTimeMixing(c, width);
  collectChannelMixing(c, width, ffn);
}

/** The four square matrices that every version has. */
export function collectTimeMixing(c: Collector, width: number): void {
  c.matrix(W.ATT_RECEPTANCE, "att.receptance.weight", width, width);
  c.matrix(W.ATT_KEY, "att.key.weight", width, width);
  c.matrix(W.ATT_VALUE, "att.value.weight", width, width);
  c.matrix(W.ATT_OUTPUT, "att.output.weight", width, width);
}

/** Channel mixing of RWKV-4 and 5. */
export function collectChannelMixing(c: Collector, width: number, ffn: number): void {
  c.vector(W.FFN_MIX_K, "ffn.time_mix_k", width);
  c.vector(W.FFN_MIX_R, "ffn.time_mix_r", width);
  collectGatedFfn(c, width, ffn);
}

/** The matrices of channel mixing in RWKV-4, 5 and 6. */
export function collectGatedFfn(c: Collector, width: number, ffn: number): void {
  c.matrix(W.FFN_RECEPTANCE, "ffn.receptance.weight", width, width);
  c.matrix(W.FFN_KEY, "ffn.key.weight", ffn, width);
  c.matrix(W.FFN_VALUE, "ffn.value.weight", width, ffn);
}
