import * as abi from "../../assembly/abi.ts";
import * as buf from "../../assembly/buffers.ts";
import * as W from "../../assembly/slots.ts";
import type { Collector } from "./collector.ts";
import { collectGatedFfn, collectTimeMixing } from "./rwkv4.ts";
import { collectHeadNorm } from "./rwkv5.ts";
import { headMatrices, type Shape, type Version } from "./version.ts";
import { entry } from "./weights.ts";

/** Order of the five mixtures in time_maa_w1 and w2. */
const MIXTURES = [W.MAA_W2_W, W.MAA_W2_K, W.MAA_W2_V, W.MAA_W2_R, W.MAA_W2_G];

/** RWKV-6: see assembly/rwkv6.ts. */
export const VERSION6: Version = {
  id: abi.RWKV6,
  name: "rwkv6",
  marker: "att.time_maa_x",
  recognise: (block) => (block.has("att.time_maa_x") ? "6" : undefined),
  headSize: (block) => block.dimension("att.time_faaaa", 1),
  hasHeads: true,
  collect,
  ranks: [
    { name: "decay", tensor: "time_decay_w1" },
    { name: "mix", tensor: "time_maa_w1" },
  ],
  buffers: { results: [buf.G, buf.W], inputs: [buf.XG, buf.XW, buf.XA] },
  stateParts: headMatrices,
  stateOrder: "key-value",
  headScales: [W.LN_X_WEIGHT, W.LN_X_BIAS],
  phases: ["mix", "maa", "maa", "mix", "att.rkvg", "decay", "wkv", "att.output", "mix", "ffn.key", "ffn.value"],
};

function collect(c: Collector, { width, ffn }: Shape): void {
  c.vector(W.MAA_X, "att.time_maa_x", width);
  c.vector(W.MAA_W, "att.time_maa_w", width);
  c.vector(W.MAA_K, "att.time_maa_k", width);
  c.vector(W.MAA_V, "att.time_maa_v", width);
  c.vector(W.MAA_R, "att.time_maa_r", width);
  c.vector(W.MAA_G, "att.time_maa_g", width);
  const mixRank = c.dimension("att.time_maa_w2", 1);
  c.lowRank(W.MAA_W1, "att.time_maa_w1", 5 * mixRank, width);
  const unquantised = mixRank % abi.QUANT_VALUES !== 0;
  const w2 = c.weight("att.time_maa_w2");
  MIXTURES.forEach((slot, i) => {
    c.lowRank(slot, "att.time_maa_w2", width, mixRank, { weight: entry(w2, i), unquantised });
  });
  const decayRank = c.dimension("att.time_decay_w1", 1);
  c.vector(W.DECAY, "att.time_decay", width);
  c.lowRank(W.DECAY_W1, "att.time_decay_w1", decayRank, width);
  c.lowRank(W.DECAY_W2, "att.time_decay_w2", width, decayRank);
  c.vector(W.BONUS, "att.time_faaaa", width);
  collectTimeMixing(c, width);
  c.matrix(W.ATT_GATE, "att.gate.weight", width, width);
  collectHeadNorm(c, width);
  // x + (prev − x)·maa is prev + (x − prev)·(1 − maa): the channel mixing of RWKV-4 and 5.
  c.vector(W.FFN_MIX_K, "ffn.time_maa_k", width, { fold: abi.FOLD_ONE_MINUS });
  c.vector(W.FFN_MIX_R, "ffn.time_maa_r", width, { fold: abi.FOLD_ONE_MINUS });
  collectGatedFfn(c, width, ffn);
}
