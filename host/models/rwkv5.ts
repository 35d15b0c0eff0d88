import * as abi from "../../assembly/abi.ts";
import * as buf from "../../assembly/buffers.ts";
import * as W from "../../assembly/slots.ts";
import type { Collector } from "./collector.ts";
import { collectChannelMixing, collectTimeMixing } from "./rwkv4.ts";
import { headMatrices, type Shape, type Version } from "./version.ts";
import { count } from "./weights.ts";

/**
 * RWKV-5.0 (no gate), 5.1 (gate; one decay and bonus per head) and 5.2 (one decay and bonus per channel): see
 * assembly/rwkv5.ts.
 */
export const VERSION5: Version = {
  id: abi.RWKV5,
  name: "rwkv5",
  marker: "att.ln_x.weight",
  recognise: readRelease,
  headSize: (block, width) => width / block.dimension("att.time_decay", 0),
  hasHeads: true,
  collect,
  groupNormEps: (scheme) => (scheme === "rwkv.cpp" ? 1e-5 : undefined), // it does not divide the values by 8
  ranks: [],
  buffers: { results: [buf.G], inputs: [buf.XG] },
  stateParts: headMatrices,
  stateOrder: "key-value",
  headScales: [W.LN_X_WEIGHT, W.LN_X_BIAS],
  phases: ["mix", "att.rkvg", "wkv", "att.output", "mix", "ffn.key", "ffn.value"],
};

function readRelease(block: Collector): string | undefined {
  if (!block.has("att.ln_x.weight")) return undefined;
  if (!block.has("att.gate.weight")) return "5.0";
  return (block.weight("att.time_decay").shape[1] ?? 1) > 1 ? "5.2" : "5.1";
}

/** The bonus is raw if named time_faaaa, e^time_first if named time_first. */
function collect(c: Collector, { width, headSize, ffn }: Shape): void {
  c.vector(W.MIX_R, "att.time_mix_r", width);
  c.vector(W.MIX_K, "att.time_mix_k", width);
  c.vector(W.MIX_V, "att.time_mix_v", width);
  perChannel(c, W.DECAY, "att.time_decay", abi.FOLD_EXP_NEG_EXP, width, headSize);
  if (c.has("att.time_faaaa")) perChannel(c, W.BONUS, "att.time_faaaa", 0, width, headSize);
  else perChannel(c, W.BONUS, "att.time_first", abi.FOLD_EXP, width, headSize);
  collectTimeMixing(c, width);
  if (c.has("att.gate.weight")) {
    c.vector(W.MIX_G, "att.time_mix_g", width);
    c.matrix(W.ATT_GATE, "att.gate.weight", width, width);
  }
  collectHeadNorm(c, width);
  collectChannelMixing(c, width, ffn);
}

/** A value per head is repeated for the head's channels. */
function perChannel(c: Collector, slot: number, name: string, fold: number, width: number, headSize: number): void {
  const weight = c.weight(name);
  const repeat = count(weight.shape) === width / headSize ? headSize : 1;
  c.vector(slot, name, width, { repeat, fold: weight.transformed ? 0 : fold });
}

/** The group norm after the recurrence, in RWKV-5, 6 and 7. */
export function collectHeadNorm(c: Collector, width: number): void {
  c.vector(W.LN_X_WEIGHT, "att.ln_x.weight", width);
  c.vector(W.LN_X_BIAS, "att.ln_x.bias", width);
}
