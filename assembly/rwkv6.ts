// RWKV-6 "Finch" (arXiv 2404.05892, section 3.2): the share of the previous token in each mixture, and the decay of
// each channel, depend on the token through low-rank products. One layer over the rows of the batch.
import { SLOT_BYTES } from "./abi";
import * as buf from "./buffers";
import * as W from "./slots";
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
  // mix: layer norm and the input of the token-dependent mixture
  while (claim(rows)) {
    normRows(W.LN1_WEIGHT, W.LN1_BIAS);
    for (let t = begin; t < end; t++) {
      mixRow(buf.XA, t, row(buf.NORMED, t), previous(t, ATT_X), vector(W.MAA_X));
    }
  }
  // maa: the low-rank product, first and second half
  while (claimUnits(units(W.MAA_W1))) product(W.MAA_W1, buf.XA, buf.LORA_A, TANH);
  while (claimUnits(5 * units(W.MAA_W2_W))) {
    mixture(W.MAA_W2_W, 0, buf.XW);
    mixture(W.MAA_W2_K, 1, buf.XK);
    mixture(W.MAA_W2_V, 2, buf.XV);
    mixture(W.MAA_W2_R, 3, buf.XR);
    mixture(W.MAA_W2_G, 4, buf.XG);
  }
  // mix: token shift
  while (claim(rows)) for (let t = begin; t < end; t++) mix(t);
  // att.rkvg
  while (
    claimUnits(units(W.ATT_RECEPTANCE) + units(W.ATT_KEY) + units(W.ATT_VALUE) + units(W.ATT_GATE) + units(W.DECAY_W1))
  ) {
    if (begin == 0) keepLastRows(ATT_X);
    product(W.ATT_RECEPTANCE, buf.XR, buf.R);
    product(W.ATT_KEY, buf.XK, buf.K);
    product(W.ATT_VALUE, buf.XV, buf.V);
    product(W.ATT_GATE, buf.XG, buf.G, SILU);
    product(W.DECAY_W1, buf.XW, buf.LORA_W, TANH);
  }
  // decay
  while (claimUnits(units(W.DECAY_W2))) product(W.DECAY_W2, buf.LORA_W, buf.W);
  // wkv: the recurrence, a group of heads of one session at a time
  while (claim(argument(1) * groups)) for (let u = begin; u < end; u++) recur(segmentAt(u / groups), u % groups);
  // att.output
  while (claimUnits(units(W.ATT_OUTPUT))) product(W.ATT_OUTPUT, buf.Y, buf.X, ADD);
  // mix, ffn.key, ffn.value
  channelMixing();
}

/** The token-dependent part of x_j's mix: m_j · w2_j, where m_j is the j-th fifth of the hidden values. */
function mixture(slot: i32, j: i32, to: i32): void {
  const matrix = slots + <usize>slot * SLOT_BYTES;
  productAt(matrix, buf.LORA_A, j * load<i32>(matrix, 12), to, argument(0));
}

/** x_j = x + (prev − x) · (maa_j + m_j w2_j); the last term is in x_j's buffer. */
function mix(t: i32): void {
  const x = row(buf.NORMED, t);
  const prev = previous(t, ATT_X);
  mixOne(buf.XW, t, x, prev, vector(W.MAA_W));
  mixOne(buf.XK, t, x, prev, vector(W.MAA_K));
  mixOne(buf.XV, t, x, prev, vector(W.MAA_V));
  mixOne(buf.XR, t, x, prev, vector(W.MAA_R));
  mixOne(buf.XG, t, x, prev, vector(W.MAA_G));
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
  for (let t = t0; t < t1; t++) decay(row(buf.W, t) + at, vector(W.DECAY) + at);
  wkv6(
    headState(segment, head),
    row(buf.Y, t0) + at,
    row(buf.R, t0) + at,
    row(buf.K, t0) + at,
    row(buf.V, t0) + at,
    row(buf.W, t0) + at,
    stride(buf.W),
    vector(W.BONUS) + at,
    headSize,
    t1 - t0,
    stride(buf.Y),
  );
  for (let t = t0; t < t1; t++) headNorm(t, head, true);
}

/** w = exp(−exp(time_decay + w)) */
function decay(w: usize, base: usize): void {
  for (let i: usize = 0; i < (<usize>headSize) << 2; i += 16) {
    v128.store(w + i, exp(f32x4.neg(exp(f32x4.add(v128.load(base + i), v128.load(w + i))))));
  }
}
