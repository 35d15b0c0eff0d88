// RWKV-6 "Finch" (arXiv 2404.05892, section 3.2): how much of the token before goes into each mixture, and how fast a
// channel decays, depend on the token through low-rank products. One layer over the rows of the batch.
import {
  ATT_GATE,
  ATT_KEY,
  ATT_OUTPUT,
  ATT_RECEPTANCE,
  ATT_VALUE,
  BONUS,
  BUF_A,
  BUF_G,
  BUF_K,
  BUF_LORA_A,
  BUF_LORA_W,
  BUF_NORMED,
  BUF_R,
  BUF_V,
  BUF_W,
  BUF_X,
  BUF_XA,
  BUF_XG,
  BUF_XK,
  BUF_XR,
  BUF_XV,
  BUF_XW,
  BUF_Y,
  DECAY,
  DECAY_W1,
  DECAY_W2,
  LN1_BIAS,
  LN1_WEIGHT,
  MAA_G,
  MAA_K,
  MAA_R,
  MAA_V,
  MAA_W,
  MAA_W1,
  MAA_W2_G,
  MAA_W2_K,
  MAA_W2_R,
  MAA_W2_V,
  MAA_W2_W,
  MAA_X,
  SLOT_BYTES,
} from "./abi";
import { channelMixing } from "./channel";
import { headNorm, headState, quantiseGroup } from "./head";
import { exp } from "./math";
import { units, claimUnits, product, productAt } from "./matmul";
import { endRow, firstRow, groupHeads, groups, headSize, row, segmentAt, slots, stride, vector, width } from "./layout";
import { argument, begin, claim, end } from "./pool";
import { ATT_X, keepLastRows, mixRow, normRows, previous } from "./shift";
import { quantiseRow } from "./quantise";
import { ADD, SILU, TANH } from "./store";
import { wkv6 } from "./wkv6";

export function layer6(): void {
  const rows = argument(0);
  while (claim(rows)) {
    normRows(LN1_WEIGHT, LN1_BIAS);
    for (let t = begin; t < end; t++) {
      mixRow(BUF_XA, t, row(BUF_NORMED, t), previous(t, ATT_X), vector(MAA_X));
    }
  }
  while (claimUnits(units(MAA_W1))) product(MAA_W1, BUF_XA, BUF_LORA_A, TANH);
  while (claimUnits(5 * units(MAA_W2_W))) {
    mixture(MAA_W2_W, 0, BUF_XW);
    mixture(MAA_W2_K, 1, BUF_XK);
    mixture(MAA_W2_V, 2, BUF_XV);
    mixture(MAA_W2_R, 3, BUF_XR);
    mixture(MAA_W2_G, 4, BUF_XG);
  }
  while (claim(rows)) for (let t = begin; t < end; t++) mix(t);
  while (claimUnits(units(ATT_RECEPTANCE) + units(ATT_KEY) + units(ATT_VALUE) + units(ATT_GATE) + units(DECAY_W1))) {
    if (begin == 0) keepLastRows(ATT_X);
    product(ATT_RECEPTANCE, BUF_XR, BUF_R);
    product(ATT_KEY, BUF_XK, BUF_K);
    product(ATT_VALUE, BUF_XV, BUF_V);
    product(ATT_GATE, BUF_XG, BUF_G, SILU);
    product(DECAY_W1, BUF_XW, BUF_LORA_W, TANH);
  }
  while (claimUnits(units(DECAY_W2))) product(DECAY_W2, BUF_LORA_W, BUF_W);
  while (claim(argument(1) * groups)) for (let u = begin; u < end; u++) recur(segmentAt(u / groups), u % groups);
  while (claimUnits(units(ATT_OUTPUT))) product(ATT_OUTPUT, BUF_Y, BUF_X, ADD);
  channelMixing();
}

/** The part of x_j's mix that depends on the token: m_j · w2_j, where m_j is the j-th fifth of the hidden values. */
function mixture(slot: i32, j: i32, to: i32): void {
  const matrix = slots + <usize>slot * SLOT_BYTES;
  productAt(matrix, BUF_LORA_A, j * load<i32>(matrix, 12), to, argument(0));
}

/** x_j = x + (prev − x) · (maa_j + m_j w2_j); the last term is in x_j's place. */
function mix(t: i32): void {
  const x = row(BUF_NORMED, t);
  const prev = previous(t, ATT_X);
  mixOne(BUF_XW, t, x, prev, vector(MAA_W));
  mixOne(BUF_XK, t, x, prev, vector(MAA_K));
  mixOne(BUF_XV, t, x, prev, vector(MAA_V));
  mixOne(BUF_XR, t, x, prev, vector(MAA_R));
  mixOne(BUF_XG, t, x, prev, vector(MAA_G));
}

function mixOne(buffer: i32, t: i32, x: usize, prev: usize, maa: usize): void {
  const dst = row(buffer, t);
  for (let i: usize = 0; i < (<usize>width) << 2; i += 16) {
    const m = f32x4.add(v128.load(maa + i), v128.load(dst + i));
    const from = v128.load(x + i);
    v128.store(dst + i, f32x4.add(from, f32x4.mul(f32x4.sub(v128.load(prev + i), from), m)));
  }
  quantiseRow(buffer, t, width);
}

/** The heads of one group of one segment. */
function recur(segment: usize, group: i32): void {
  for (let head = group * groupHeads; head < (group + 1) * groupHeads; head++) recurHead(segment, head);
  quantiseGroup(segment, group);
}

/** y = group norm(recurrence) · gate, for one head of one segment. */
function recurHead(segment: usize, head: i32): void {
  const at = (<usize>(head * headSize)) << 2;
  const t0 = firstRow(segment);
  const t1 = endRow(segment);
  for (let t = t0; t < t1; t++) decay(row(BUF_W, t) + at, vector(DECAY) + at);
  wkv6(
    headState(segment, head),
    row(BUF_Y, t0) + at,
    row(BUF_R, t0) + at,
    row(BUF_K, t0) + at,
    row(BUF_V, t0) + at,
    row(BUF_W, t0) + at,
    stride(BUF_W),
    vector(BONUS) + at,
    headSize,
    t1 - t0,
    stride(BUF_Y),
  );
  for (let t = t0; t < t1; t++) headNorm(t, head, true);
}

/** w = exp(−exp(time_decay + w)) */
function decay(w: usize, base: usize): void {
  for (let i: usize = 0; i < (<usize>headSize) << 2; i += 16) {
    v128.store(w + i, exp(f32x4.neg(exp(f32x4.add(v128.load(base + i), v128.load(w + i))))));
  }
}
