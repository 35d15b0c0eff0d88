// RWKV-4 (arXiv 2305.13048, equations 11–18). One layer over the rows of the batch.
import * as buf from "./buffers";
import * as W from "./slots";
import { channelMixing } from "./channel";
import { quantiseGroup } from "./head";
import { claimUnits, product, units } from "./matmul";
import { endRow, firstRow, groups, headSize, row, segmentAt, stateOf, stride, vector, width } from "./layout";
import { argument, begin, claim, end } from "./pool";
import { ATT_X, keepLastRows, mixRow, normRows, previous } from "./shift";
import { ADD, SIGMOID } from "./store";
import { wkv4 } from "./wkv4";

/** State of a layer: ffn_x, att_x, aa, bb, pp, `width` values each. */
const AA: i32 = 2;
const BB: i32 = 3;
const PP: i32 = 4;

export function layer4(): void {
  // mix: layer norm and token shift
  while (claim(argument(0))) {
    normRows(W.LN1_WEIGHT, W.LN1_BIAS);
    for (let t = begin; t < end; t++) mix(t);
  }
  // att.rkv
  while (claimUnits(units(W.ATT_RECEPTANCE) + units(W.ATT_KEY) + units(W.ATT_VALUE))) {
    if (begin == 0) keepLastRows(ATT_X);
    product(W.ATT_RECEPTANCE, buf.XR, buf.R, SIGMOID);
    product(W.ATT_KEY, buf.XK, buf.K);
    product(W.ATT_VALUE, buf.XV, buf.V);
  }
  // wkv: the recurrence, a group of channels of one session at a time
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
}

/** The recurrence for one group of channels of one segment. */
function recur(segment: usize, group: i32): void {
  const at = (<usize>(group * headSize)) << 2;
  const t = firstRow(segment);
  const state = stateOf(segment) + at;
  wkv4(
    row(buf.Y, t) + at,
    row(buf.R, t) + at,
    row(buf.K, t) + at,
    row(buf.V, t) + at,
    vector(W.DECAY) + at,
    vector(W.BONUS) + at,
    state + ((AA * width) << 2),
    state + ((BB * width) << 2),
    state + ((PP * width) << 2),
    headSize,
    endRow(segment) - t,
    stride(buf.Y),
  );
  quantiseGroup(segment, group);
}
