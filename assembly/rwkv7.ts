// RWKV-7 "Goose" (arXiv 2503.14456, section 4). One layer over the rows of the batch.
import {
  A0,
  A1,
  A2,
  ATT_KEY,
  ATT_OUTPUT,
  ATT_RECEPTANCE,
  ATT_VALUE,
  BUF_A,
  BUF_G,
  BUF_HIDDEN,
  BUF_K,
  BUF_LORA_A,
  BUF_LORA_G,
  BUF_LORA_V,
  BUF_LORA_W,
  BUF_NORMED,
  BUF_R,
  BUF_V,
  BUF_V_FIRST,
  BUF_W,
  BUF_X,
  BUF_XA,
  BUF_XG,
  BUF_XK,
  BUF_XR,
  BUF_XV,
  BUF_XW,
  BUF_Y,
  FFN_KEY,
  FFN_VALUE,
  FFN_X_K,
  G1,
  G2,
  K_A,
  K_K,
  LN1_BIAS,
  LN1_WEIGHT,
  LN2_BIAS,
  LN2_WEIGHT,
  R_K,
  SCRATCH_HEAD,
  V0,
  V1,
  V2,
  W0,
  W1,
  W2,
  X_A,
  X_G,
  X_K,
  X_R,
  X_V,
  X_W,
} from "./abi";
import { gate, headNorm, headState, quantiseGroup } from "./head";
import { exp, lanes, sigmoid } from "./math";
import { units, claimUnits, product } from "./matmul";
import { endRow, firstRow, groupHeads, groups, headSize, row, scratch, segmentAt, vector, width } from "./layout";
import { argument, begin, claim, end } from "./pool";
import { ATT_X, FFN_X, keepLastRows, mixRow, normRows, previous } from "./shift";
import { ADD, RELU2, SIGMOID, TANH } from "./store";
import { wkv7 } from "./wkv7";

export function layer7(layer: i32): void {
  while (claim(argument(0))) {
    normRows(LN1_WEIGHT, LN1_BIAS);
    for (let t = begin; t < end; t++) mix(t);
  }
  while (
    claimUnits(
      units(ATT_RECEPTANCE) + units(ATT_KEY) + units(ATT_VALUE) + units(W1) + units(A1) + units(V1) + units(G1),
    )
  ) {
    if (begin == 0) keepLastRows(ATT_X);
    product(ATT_RECEPTANCE, BUF_XR, BUF_R);
    product(ATT_KEY, BUF_XK, BUF_K);
    product(ATT_VALUE, BUF_XV, BUF_V);
    product(W1, BUF_XW, BUF_LORA_W, TANH);
    product(A1, BUF_XA, BUF_LORA_A);
    product(V1, BUF_XV, BUF_LORA_V);
    product(G1, BUF_XG, BUF_LORA_G, SIGMOID);
  }
  while (claimUnits(units(W2) + units(A2) + units(G2) + (layer > 0 ? units(V2) : 0))) {
    product(W2, BUF_LORA_W, BUF_W);
    product(A2, BUF_LORA_A, BUF_A);
    product(G2, BUF_LORA_G, BUF_G);
    // BUF_XV has been read by now: its rows take the share of layer 0's v.
    if (layer > 0) product(V2, BUF_LORA_V, BUF_XV);
  }
  while (claim(argument(1) * groups)) for (let u = begin; u < end; u++) recur(segmentAt(u / groups), u % groups, layer);
  while (claimUnits(units(ATT_OUTPUT))) product(ATT_OUTPUT, BUF_Y, BUF_X, ADD);

  while (claim(argument(0))) {
    normRows(LN2_WEIGHT, LN2_BIAS);
    for (let t = begin; t < end; t++) {
      mixRow(BUF_XK, t, row(BUF_NORMED, t), previous(t, FFN_X), vector(FFN_X_K));
    }
  }
  while (claimUnits(units(FFN_KEY))) {
    if (begin == 0) keepLastRows(FFN_X);
    product(FFN_KEY, BUF_XK, BUF_HIDDEN, RELU2);
  }
  while (claimUnits(units(FFN_VALUE))) product(FFN_VALUE, BUF_HIDDEN, BUF_X, ADD);
}

/** x_j = x + (prev − x) · x_j */
function mix(t: i32): void {
  const x = row(BUF_NORMED, t);
  const prev = previous(t, ATT_X);
  mixRow(BUF_XR, t, x, prev, vector(X_R));
  mixRow(BUF_XW, t, x, prev, vector(X_W));
  mixRow(BUF_XK, t, x, prev, vector(X_K));
  mixRow(BUF_XV, t, x, prev, vector(X_V));
  mixRow(BUF_XA, t, x, prev, vector(X_A));
  mixRow(BUF_XG, t, x, prev, vector(X_G));
}

/** The heads of one group of one segment, head by head, token by token. */
function recur(segment: usize, group: i32, layer: i32): void {
  const t0 = firstRow(segment);
  const t1 = endRow(segment);
  for (let head = group * groupHeads; head < (group + 1) * groupHeads; head++) {
    const S = headState(segment, head);
    for (let t = t0; t < t1; t++) token(S, t, (<usize>(head * headSize)) << 2, head, layer);
  }
  quantiseGroup(segment, group);
}

function token(S: usize, t: i32, at: usize, head: i32, layer: i32): void {
  const r = row(BUF_R, t) + at;
  const w = row(BUF_W, t) + at;
  const k = row(BUF_K, t) + at;
  const v = row(BUF_V, t) + at;
  const a = row(BUF_A, t) + at;
  const y = row(BUF_Y, t) + at;
  const kappa = scratch + SCRATCH_HEAD;
  const b = kappa + ((<usize>headSize) << 2);
  prepare(w, k, a, kappa, b, at);
  if (layer == 0) memory.copy(row(BUF_V_FIRST, t) + at, v, (<usize>headSize) << 2);
  else mixValue(v, row(BUF_V_FIRST, t) + at, row(BUF_XV, t) + at, vector(V0) + at);
  wkv7(S, y, r, w, k, v, kappa, b, headSize);
  headNorm(t, head, false);
  addBonus(y, r, k, v, vector(R_K) + at);
  gate(y, row(BUF_G, t) + at);
}

/**
 * w ← exp(−e^−½ σ(w0 + w)), a = σ(a0 + a), κ = normalised k·k_k, b = κ·a, k ← k·(1 + (a − 1)·k_a): one head's values.
 */
function prepare(w: usize, k: usize, a: usize, kappa: usize, b: usize, at: usize): void {
  const bytes = (<usize>headSize) << 2;
  const w0 = vector(W0) + at;
  const a0 = vector(A0) + at;
  const kk = vector(K_K) + at;
  const ka = vector(K_A) + at;
  let squares = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    const raw = f32x4.add(v128.load(w0 + i), v128.load(w + i));
    v128.store(w + i, exp(f32x4.mul(f32x4.splat(-0.6065306597), sigmoid(raw))));
    const key = f32x4.mul(v128.load(k + i), v128.load(kk + i));
    v128.store(kappa + i, key);
    squares = f32x4.add(squares, f32x4.mul(key, key));
  }
  const scale = f32x4.splat(<f32>1 / max(sqrt<f32>(lanes(squares)), <f32>1e-12));
  for (let i: usize = 0; i < bytes; i += 16) {
    const rate = sigmoid(f32x4.add(v128.load(a0 + i), v128.load(a + i)));
    const direction = f32x4.mul(v128.load(kappa + i), scale);
    v128.store(kappa + i, direction);
    v128.store(b + i, f32x4.mul(direction, rate));
    const key = v128.load(k + i);
    const less = f32x4.mul(f32x4.sub(rate, f32x4.splat(1)), v128.load(ka + i));
    v128.store(k + i, f32x4.add(key, f32x4.mul(key, less)));
  }
}

/** v ← v + (v_first − v) · σ(v0 + share) */
function mixValue(v: usize, first: usize, share: usize, base: usize): void {
  for (let i: usize = 0; i < (<usize>headSize) << 2; i += 16) {
    const s = sigmoid(f32x4.add(v128.load(base + i), v128.load(share + i)));
    const own = v128.load(v + i);
    v128.store(v + i, f32x4.add(own, f32x4.mul(f32x4.sub(v128.load(first + i), own), s)));
  }
}

/** y += (Σ r·k·r_k) · v */
function addBonus(y: usize, r: usize, k: usize, v: usize, rk: usize): void {
  const bytes = (<usize>headSize) << 2;
  let total = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    total = f32x4.add(total, f32x4.mul(f32x4.mul(v128.load(r + i), v128.load(k + i)), v128.load(rk + i)));
  }
  const bonus = f32x4.splat(lanes(total));
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(y + i, f32x4.add(v128.load(y + i), f32x4.mul(bonus, v128.load(v + i))));
  }
}
