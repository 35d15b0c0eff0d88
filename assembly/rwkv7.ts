// RWKV-7 "Goose" (arXiv 2503.14456, section 4). One layer over the rows of the batch.
import { SCRATCH_HEAD } from "./abi";
import * as buf from "./buffers";
import * as W from "./slots";
import { gate, headNorm, headState, quantiseGroup } from "./head";
import { exp, lanes, sigmoid } from "./math";
import { units, claimUnits, product } from "./matmul";
import { endRow, firstRow, groupHeads, groups, headSize, row, scratch, segmentAt, vector, width } from "./layout";
import { argument, begin, claim, end } from "./pool";
import { ATT_X, FFN_X, keepLastRows, mixRow, normRows, previous } from "./shift";
import { ADD, RELU2, SIGMOID, TANH } from "./store";
import { wkv7 } from "./wkv7";

export function layer7(layer: i32): void {
  // mix: layer norm and token shift
  while (claim(argument(0))) {
    normRows(W.LN1_WEIGHT, W.LN1_BIAS);
    for (let t = begin; t < end; t++) mix(t);
  }
  // att.rkv: products with r, k, v and the first halves of the low-rank products
  while (
    claimUnits(
      units(W.ATT_RECEPTANCE) +
        units(W.ATT_KEY) +
        units(W.ATT_VALUE) +
        units(W.W1) +
        units(W.A1) +
        units(W.V1) +
        units(W.G1),
    )
  ) {
    if (begin == 0) keepLastRows(ATT_X);
    product(W.ATT_RECEPTANCE, buf.XR, buf.R);
    product(W.ATT_KEY, buf.XK, buf.K);
    product(W.ATT_VALUE, buf.XV, buf.V);
    product(W.W1, buf.XW, buf.LORA_W, TANH);
    product(W.A1, buf.XA, buf.LORA_A);
    product(W.V1, buf.XV, buf.LORA_V);
    product(W.G1, buf.XG, buf.LORA_G, SIGMOID);
  }
  // lora: their second halves
  while (claimUnits(units(W.W2) + units(W.A2) + units(W.G2) + (layer > 0 ? units(W.V2) : 0))) {
    product(W.W2, buf.LORA_W, buf.W);
    product(W.A2, buf.LORA_A, buf.A);
    product(W.G2, buf.LORA_G, buf.G);
    // buf.XV is no longer needed: its rows take the share of layer 0's v.
    if (layer > 0) product(W.V2, buf.LORA_V, buf.XV);
  }
  // wkv: the recurrence, a group of heads of one session at a time
  while (claim(argument(1) * groups)) for (let u = begin; u < end; u++) recur(segmentAt(u / groups), u % groups, layer);
  // att.output
  while (claimUnits(units(W.ATT_OUTPUT))) product(W.ATT_OUTPUT, buf.Y, buf.X, ADD);

  // mix
  while (claim(argument(0))) {
    normRows(W.LN2_WEIGHT, W.LN2_BIAS);
    for (let t = begin; t < end; t++) {
      mixRow(buf.XK, t, row(buf.NORMED, t), previous(t, FFN_X), vector(W.FFN_X_K));
    }
  }
  // ffn.key
  while (claimUnits(units(W.FFN_KEY))) {
    if (begin == 0) keepLastRows(FFN_X);
    product(W.FFN_KEY, buf.XK, buf.HIDDEN, RELU2);
  }
  // ffn.value
  while (claimUnits(units(W.FFN_VALUE))) product(W.FFN_VALUE, buf.HIDDEN, buf.X, ADD);
}

/** x_j = x + (prev − x) · x_j */
function mix(t: i32): void {
  const x = row(buf.NORMED, t);
  const prev = previous(t, ATT_X);
  mixRow(buf.XR, t, x, prev, vector(W.X_R));
  mixRow(buf.XW, t, x, prev, vector(W.X_W));
  mixRow(buf.XK, t, x, prev, vector(W.X_K));
  mixRow(buf.XV, t, x, prev, vector(W.X_V));
  mixRow(buf.XA, t, x, prev, vector(W.X_A));
  mixRow(buf.XG, t, x, prev, vector(W.X_G));
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
  const r = row(buf.R, t) + at;
  const w = row(buf.W, t) + at;
  const k = row(buf.K, t) + at;
  const v = row(buf.V, t) + at;
  const a = row(buf.A, t) + at;
  const y = row(buf.Y, t) + at;
  const kappa = scratch + SCRATCH_HEAD;
  const b = kappa + ((<usize>headSize) << 2);
  prepare(w, k, a, kappa, b, at);
  if (layer == 0) memory.copy(row(buf.V_FIRST, t) + at, v, (<usize>headSize) << 2);
  else mixValue(v, row(buf.V_FIRST, t) + at, row(buf.XV, t) + at, vector(W.V0) + at);
  wkv7(S, y, r, w, k, v, kappa, b, headSize);
  headNorm(t, head, false);
  addBonus(y, r, k, v, vector(W.R_K) + at);
  gate(y, row(buf.G, t) + at);
}

/**
 * w ← exp(−e^−½ σ(w0 + w)), a = σ(a0 + a), κ = normalised k·k_k, b = κ·a, k ← k·(1 + (a − 1)·k_a): one head's values.
 */
function prepare(w: usize, k: usize, a: usize, kappa: usize, b: usize, at: usize): void {
  const bytes = (<usize>headSize) << 2;
  const w0 = vector(W.W0) + at;
  const a0 = vector(W.A0) + at;
  const kk = vector(W.K_K) + at;
  const ka = vector(W.K_A) + at;
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
