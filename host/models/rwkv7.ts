import { RWKV7 } from "../../assembly/abi.ts";
import * as buf from "../../assembly/buffers.ts";
import * as W from "../../assembly/slots.ts";
import type { Collector } from "./collector.ts";
import { collectTimeMixing } from "./rwkv4.ts";
import { collectHeadNorm } from "./rwkv5.ts";
import { headMatrices, type Shape, type Version } from "./version.ts";
import { UNUSED7 } from "./weights.ts";

/** RWKV-7: see assembly/rwkv7.ts. */
export const VERSION7: Version = {
  id: RWKV7,
  name: "rwkv7",
  marker: "att.r_k",
  recognise: (block) => (block.has("att.r_k") ? "7" : undefined),
  headSize: (block) => block.dimension("att.r_k", 1),
  hasHeads: true,
  collect,
  unused: UNUSED7,
  ranks: ["w", "a", "v", "g"].map((name) => ({ name, tensor: `${name}1` })),
  buffers: { results: [buf.G, buf.W, buf.A, buf.V_FIRST], inputs: [buf.XG, buf.XW, buf.XA] },
  stateParts: headMatrices,
  stateOrder: "value-key",
  headScales: [W.LN_X_WEIGHT, W.LN_X_BIAS, W.R_K],
  phases: ["mix", "att.rkv", "lora", "wkv", "att.output", "mix", "ffn.key", "ffn.value"],
};

function collect(c: Collector, { width, ffn }: Shape, layer: number): void {
  c.vector(W.X_R, "att.x_r", width);
  c.vector(W.X_W, "att.x_w", width);
  c.vector(W.X_K, "att.x_k", width);
  c.vector(W.X_V, "att.x_v", width);
  c.vector(W.X_A, "att.x_a", width);
  c.vector(W.X_G, "att.x_g", width);
  c.vector(W.W0, "att.w0", width);
  lowRankPair(c, W.W1, W.W2, "w", width);
  c.vector(W.A0, "att.a0", width);
  lowRankPair(c, W.A1, W.A2, "a", width);
  if (layer > 0) {
    c.vector(W.V0, "att.v0", width);
    lowRankPair(c, W.V1, W.V2, "v", width);
  }
  lowRankPair(c, W.G1, W.G2, "g", width);
  c.vector(W.K_K, "att.k_k", width);
  c.vector(W.K_A, "att.k_a", width);
  c.vector(W.R_K, "att.r_k", width);
  collectTimeMixing(c, width);
  collectHeadNorm(c, width);
  c.vector(W.FFN_X_K, "ffn.x_k", width);
  c.matrix(W.FFN_KEY, "ffn.key.weight", ffn, width);
  c.matrix(W.FFN_VALUE, "ffn.value.weight", width, ffn);
}

function lowRankPair(c: Collector, first: number, second: number, letter: string, width: number): void {
  const rank = c.dimension(`att.${letter}1`, 1);
  c.lowRank(first, `att.${letter}1`, rank, width);
  c.lowRank(second, `att.${letter}2`, width, rank);
}
