// What the heads of RWKV-5, 6 and 7 share: the address of a head's state, and the group norm after the recurrence.
import * as buf from "./buffers";
import * as W from "./slots";
import { endRow, firstRow, groupHeads, groupNormEps, headSize, row, stateOf, vector, width } from "./layout";
import { quantiseColumns } from "./quantise";
import { norm } from "./vec";

/** S of one head: headSize² values, after ffn_x, att_x and the heads before. */
export function headState(segment: usize, head: i32): usize {
  return stateOf(segment) + ((<usize>(2 * width + head * headSize * headSize)) << 2);
}

/** y = group norm(y) · g for one head and token; without g if the model has no gate. */
export function headNorm(t: i32, head: i32, gated: bool): void {
  const at = (<usize>(head * headSize)) << 2;
  const y = row(buf.Y, t) + at;
  norm(y, y, vector(W.LN_X_WEIGHT) + at, vector(W.LN_X_BIAS) + at, headSize, groupNormEps);
  if (gated) gate(y, row(buf.G, t) + at);
}

/** Quantises the columns of one group of heads for att.output. */
export function quantiseGroup(segment: usize, group: i32): void {
  const columns = groupHeads * headSize;
  for (let t = firstRow(segment); t < endRow(segment); t++) quantiseColumns(buf.Y, t, group * columns, columns);
}

/** y ← y · g */
export function gate(y: usize, g: usize): void {
  for (let i: usize = 0; i < (<usize>headSize) << 2; i += 16) {
    v128.store(y + i, f32x4.mul(v128.load(y + i), v128.load(g + i)));
  }
}
