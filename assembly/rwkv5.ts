// RWKV-5 "Eagle" (arXiv 2404.05892, section 3.1): 5.0 has no gate; 5.0 and 5.1 have one decay and bonus a head, which
// the recipe spreads over the head's channels. One layer over the rows of the batch.
import {
  ATT_GATE,
  ATT_KEY,
  ATT_OUTPUT,
  ATT_RECEPTANCE,
  ATT_VALUE,
  BONUS,
  BUF_G,
  BUF_K,
  BUF_NORMED,
  BUF_R,
  BUF_V,
  BUF_X,
  BUF_XG,
  BUF_XK,
  BUF_XR,
  BUF_XV,
  BUF_Y,
  DECAY,
  LN1_BIAS,
  LN1_WEIGHT,
  MIX_G,
  MIX_K,
  MIX_R,
  MIX_V,
} from "./abi";
import { channelMixing } from "./channel";
import { headNorm, headState, quantiseGroup } from "./head";
import { units, claimUnits, product } from "./matmul";
import { endRow, firstRow, groupHeads, groups, headSize, row, segmentAt, stride, vector, width } from "./layout";
import { argument, begin, claim, end } from "./pool";
import { ATT_X, keepLastRows, mixRow, normRows, previous } from "./shift";
import { ADD, SILU } from "./store";
import { wkv6 } from "./wkv6";

export function layer5(): void {
  while (claim(argument(0))) {
    normRows(LN1_WEIGHT, LN1_BIAS);
    for (let t = begin; t < end; t++) mix(t);
  }
  while (claimUnits(units(ATT_RECEPTANCE) + units(ATT_KEY) + units(ATT_VALUE) + units(ATT_GATE))) {
    if (begin == 0) keepLastRows(ATT_X);
    product(ATT_RECEPTANCE, BUF_XR, BUF_R);
    product(ATT_KEY, BUF_XK, BUF_K);
    product(ATT_VALUE, BUF_XV, BUF_V);
    product(ATT_GATE, BUF_XG, BUF_G, SILU);
  }
  while (claim(argument(1) * groups)) for (let u = begin; u < end; u++) recur(segmentAt(u / groups), u % groups);
  while (claimUnits(units(ATT_OUTPUT))) product(ATT_OUTPUT, BUF_Y, BUF_X, ADD);
  channelMixing();
}

/** x_j = x·mix_j + prev·(1 − mix_j) */
function mix(t: i32): void {
  const x = row(BUF_NORMED, t);
  const prev = previous(t, ATT_X);
  mixRow(BUF_XR, t, prev, x, vector(MIX_R));
  mixRow(BUF_XK, t, prev, x, vector(MIX_K));
  mixRow(BUF_XV, t, prev, x, vector(MIX_V));
  if (vector(MIX_G)) mixRow(BUF_XG, t, prev, x, vector(MIX_G));
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
  const S = headState(segment, head);
  const w = vector(DECAY) + at;
  const u = vector(BONUS) + at;
  const y = row(BUF_Y, t0) + at;
  const r = row(BUF_R, t0) + at;
  const k = row(BUF_K, t0) + at;
  const v = row(BUF_V, t0) + at;
  wkv6(S, y, r, k, v, w, 0, u, headSize, t1 - t0, stride(BUF_Y));
  for (let t = t0; t < t1; t++) headNorm(t, head, vector(ATT_GATE) != 0);
}
