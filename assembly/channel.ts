// Channel mixing of RWKV-4, 5 and 6: x += σ(R x_r) · (V relu(K x_k)²).
import {
  BUF_HIDDEN,
  BUF_NORMED,
  BUF_R,
  BUF_X,
  BUF_XK,
  BUF_XR,
  FFN_KEY,
  FFN_MIX_K,
  FFN_MIX_R,
  FFN_RECEPTANCE,
  FFN_VALUE,
  LN2_BIAS,
  LN2_WEIGHT,
} from "./abi";
import { units, claimUnits, product } from "./matmul";
import { row, vector, width } from "./layout";
import { argument, begin, claim, end } from "./pool";
import { FFN_X, keepLastRows, mixRow, normRows, previous } from "./shift";
import { ADD_GATED, RELU2, SIGMOID } from "./store";

export function channelMixing(): void {
  while (claim(argument(0))) {
    normRows(LN2_WEIGHT, LN2_BIAS);
    for (let t = begin; t < end; t++) mix(t);
  }
  while (claimUnits(units(FFN_KEY) + units(FFN_RECEPTANCE))) {
    if (begin == 0) keepLastRows(FFN_X);
    product(FFN_KEY, BUF_XK, BUF_HIDDEN, RELU2);
    product(FFN_RECEPTANCE, BUF_XR, BUF_R, SIGMOID);
  }
  while (claimUnits(units(FFN_VALUE))) product(FFN_VALUE, BUF_HIDDEN, BUF_X, ADD_GATED);
}

/** x_j = x·mix_j + prev·(1 − mix_j); the recipe of RWKV-6 stores 1 − time_maa_j. */
function mix(t: i32): void {
  const x = row(BUF_NORMED, t);
  const prev = previous(t, FFN_X);
  mixRow(BUF_XK, t, prev, x, vector(FFN_MIX_K));
  mixRow(BUF_XR, t, prev, x, vector(FFN_MIX_R));
}
