import * as W from "../../assembly/slots.ts";
import type { Collector, Shape } from "./recipe.ts";
import { collectTimeMixing } from "./rwkv4.ts";
import { collectHeadNorm } from "./rwkv5.ts";

/** RWKV-7: see assembly/rwkv7.ts. Files may have v0, v1, v2 in block 0, where there is no earlier v: not loaded. */
export function collect7(c: Collector, { width, ffn }: Shape, layer: number): void {
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

/** Tensors of block 0 that some files have and no version of the formula uses. */
export const UNUSED7 = /^blocks\.0\.att\.v[012]$/;

function lowRankPair(c: Collector, first: number, second: number, letter: string, width: number): void {
  const rank = c.dimension(`att.${letter}1`, 1);
  c.lowRank(first, `att.${letter}1`, rank, width);
  c.lowRank(second, `att.${letter}2`, width, rank);
}
