// RWKV-5 "Eagle" (arXiv 2404.05892, section 3.1): 5.0 has no gate; 5.0 and 5.1 have one decay and bonus per head, which
// the recipe repeats for the head's channels. One layer over the rows of the batch.
import * as buf from "./buffers";
import * as W from "./slots";
import { channelMixing } from "./channel";
import { headNorm, headState, quantiseGroup } from "./head";
import { units, claimUnits, product } from "./matmul";
import { endRow, firstRow, groupHeads, groups, headSize, row, segmentAt, stride, vector, width } from "./layout";
import { argument, begin, claim, end } from "./pool";
import { ATT_X, keepLastRows, mixRow, normRows, previous } from "./shift";
import { ADD, SILU } from "./store";
import { wkv6 } from "./wkv6";

export function layer5(): void {
  // mix: layer norm and token shift
  while (claim(argument(0))) {
    normRows(W.LN1_WEIGHT, W.LN1_BIAS);
    for (let t = begin; t < end; t++) mix(t);
  }
  // att.rkvg
  while (claimUnits(units(W.ATT_RECEPTANCE) + units(W.ATT_KEY) + units(W.ATT_VALUE) + units(W.ATT_GATE))) {
    if (begin == 0) keepLastRows(ATT_X);
    product(W.ATT_RECEPTANCE, buf.XR, buf.R);
    product(W.ATT_KEY, buf.XK, buf.K);
    product(W.ATT_VALUE, buf.XV, buf.V);
    product(W.ATT_GATE, buf.XG, buf.G, SILU);
  }
  // wkv: the recurrence, a group of heads of one session at a time
  while (claim(argument(1) * groups)) for (let u = begin; u < end; u++) recur(segmentAt(u / groups), u % groups);
  // att.output
  while (claimUnits(units(W.ATT_OUTPUT))) product(W.ATT_OUTPUT, buf.Y, buf.X, ADD);
  // mix, ffn.key, ffn.value
  channelMixing();
}

/** x_j = x·mix_j + prev·(1 − mix_j) */
function mix(t: i32): void {
  const x = row(buf.NORMED, t);
  const prev = previous(t, ATT_X);
  mixRow(buf.XR, t, prev, x, vector(W.MIX_R));
  mixRow(buf.XK, t, prev, x, vector(W.MIX_K));
  mixRow(buf.XV, t, prev, x, vector(W.MIX_V));
  if (vector(W.MIX_G)) mixRow(buf.XG, t, prev, x, vector(W.MIX_G));
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
  const w = vector(W.DECAY) + at;
  const u = vector(W.BONUS) + at;
  const y = row(buf.Y, t0) + at;
  const r = row(buf.R, t0) + at;
  const k = row(buf.K, t0) + at;
  const v = row(buf.V, t0) + at;
  wkv6(S, y, r, k, v, w, 0, u, headSize, t1 - t0, stride(buf.Y));
  for (let t = t0; t < t1; t++) headNorm(t, head, vector(W.ATT_GATE) != 0);
}
