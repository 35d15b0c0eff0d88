// Channel mixing of RWKV-4, 5 and 6: x += σ(R x_r) · (V relu(K x_k)²).
import * as buf from "./buffers";
import * as W from "./slots";
import { units, claimUnits, product } from "./matmul";
import { row, vector, width } from "./layout";
import { argument, begin, claim, end } from "./pool";
import { FFN_X, keepLastRows, mixRow, normRows, previous } from "./shift";
import { ADD_GATED, RELU2, SIGMOID } from "./store";

export function channelMixing(): void {
  // mix
  while (claim(argument(0))) {
    normRows(W.LN2_WEIGHT, W.LN2_BIAS);
    for (let t = begin; t < end; t++) mix(t);
  }
  // ffn.key and receptance
  while (claimUnits(units(W.FFN_KEY) + units(W.FFN_RECEPTANCE))) {
    if (begin == 0) keepLastRows(FFN_X);
    product(W.FFN_KEY, buf.XK, buf.HIDDEN, RELU2);
    product(W.FFN_RECEPTANCE, buf.XR, buf.R, SIGMOID);
  }
  // ffn.value
  while (claimUnits(units(W.FFN_VALUE))) product(W.FFN_VALUE, buf.HIDDEN, buf.X, ADD_GATED);
}

/** x_j = x·mix_j + prev·(1 − mix_j); the recipe of RWKV-6 stores 1 − time_maa_j. */
function mix(t: i32): void {
  const x = row(buf.NORMED, t);
  const prev = previous(t, FFN_X);
  mixRow(buf.XK, t, prev, x, vector(W.FFN_MIX_K));
  mixRow(buf.XR, t, prev, x, vector(W.FFN_MIX_R));
}
