// Token shift: combines each row with the previous one, which for a segment's first row is in its session's state.
import * as buf from "./buffers";
import { endRow, firstRow, row, segmentAt, segmentOf, stateOf, vector, width } from "./layout";
import { argument, begin, end } from "./pool";
import { quantiseRow } from "./quantise";
import { lerp, norm } from "./vec";

const LAYER_NORM_EPS: f32 = 1e-5;

// Offsets in a layer's state, in rows of `width` values.
export const FFN_X: i32 = 0;
export const ATT_X: i32 = 1;

/** buf.NORMED[t] = layer norm of buf.X[t], for the claimed rows and the one before them. */
export function normRows(weight: i32, bias: i32): void {
  // Another thread may compute the previous row too: both store the same bits.
  const first = firstRow(segmentOf(begin)) == begin ? begin : begin - 1;
  for (let t = first; t < end; t++) {
    norm(row(buf.NORMED, t), row(buf.X, t), vector(weight), vector(bias), width, LAYER_NORM_EPS);
  }
}

/** The normed row before row `t`. */
export function previous(t: i32, place: i32): usize {
  const segment = segmentOf(t);
  return firstRow(segment) == t ? stateOf(segment) + <usize>(place * width) * 4 : row(buf.NORMED, t - 1);
}

/** buffer[t] = a + (b − a)·mix: an input of the products. */
export function mixRow(buffer: i32, t: i32, a: usize, b: usize, mix: usize): void {
  lerp(row(buffer, t), a, b, mix, width);
  quantiseRow(buffer, t, width);
}

/** Keeps each segment's last normed row; in a phase after the one that reads the old rows. */
export function keepLastRows(place: i32): void {
  for (let s = 0; s < argument(1); s++) {
    const segment = segmentAt(s);
    memory.copy(
      stateOf(segment) + <usize>(place * width) * 4,
      row(buf.NORMED, endRow(segment) - 1),
      (<usize>width) << 2,
    );
  }
}
