// RWKV-4 (arXiv 2305.13048, equations 11–18). One layer over the rows of the batch.
import {
  ATT_KEY,
  ATT_OUTPUT,
  ATT_RECEPTANCE,
  ATT_VALUE,
  BONUS,
  BUF_K,
  BUF_NORMED,
  BUF_R,
  BUF_V,
  BUF_X,
  BUF_XK,
  BUF_XR,
  BUF_XV,
  BUF_Y,
  DECAY,
  LN1_BIAS,
  LN1_WEIGHT,
  MIX_K,
  MIX_R,
  MIX_V,
} from "./abi";
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
  while (claim(argument(0))) {
    normRows(LN1_WEIGHT, LN1_BIAS);
    for (let t = begin; t < end; t++) mix(t);
  }
  while (claimUnits(units(ATT_RECEPTANCE) + units(ATT_KEY) + units(ATT_VALUE))) {
    if (begin == 0) keepLastRows(ATT_X);
    product(ATT_RECEPTANCE, BUF_XR, BUF_R, SIGMOID);
    product(ATT_KEY, BUF_XK, BUF_K);
    product(ATT_VALUE, BUF_XV, BUF_V);
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
}

/** The recurrence for one group of channels of one segment. */
function recur(segment: usize, group: i32): void {
  const at = (<usize>(group * headSize)) << 2;
  const t = firstRow(segment);
  const state = stateOf(segment) + at;
  wkv4(
    row(BUF_Y, t) + at,
    row(BUF_R, t) + at,
    row(BUF_K, t) + at,
    row(BUF_V, t) + at,
    vector(DECAY) + at,
    vector(BONUS) + at,
    state + ((AA * width) << 2),
    state + ((BB * width) << 2),
    state + ((PP * width) << 2),
    headSize,
    endRow(segment) - t,
    stride(BUF_Y),
  );
  quantiseGroup(segment, group);
}
