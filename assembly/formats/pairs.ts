// Two tokens and 16 rows at a time, with plain SIMD: for packed int8 weights, or for any weights widened to 16 bits
// with f32 scales, which pays off for many tokens.
import { addRows, GROUP_BYTES, SCALES } from "./int8-block";
import { addRowsWide } from "./sums";

/** Groups of weights processed for all tokens of a batch before the next ones: 8.7 KB. */
export const STEP: i32 = 8;
/** 16 rows of STEP groups, widened: in each group 512 16-bit integers, pair of columns by pair, then 16 scales. */
export const WIDE_HALF: usize = <usize>STEP * GROUP_BYTES;

/** out[t][16] += half a block's `n` groups · x[t] for an even number of tokens; `wide`: the groups are widened. */
export function pairs(
  w: usize,
  n: i32,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  wide: bool,
): void {
  for (let t = 0; t < count; t += 2, x += stride * 2, scale += stride * 2, out += outStride * 2) {
    if (wide) dot2(w, n, x, scale, stride, out, outStride, true);
    else dot2(w, n, x, scale, stride, out, outStride, false);
  }
}

/** Half the rows and two tokens, two pairs of columns at a time; kept apart as in dot1. */
// @ts-ignore: decorator
@inline
function dot2(
  w: usize,
  groups: i32,
  x: usize,
  scale: usize,
  stride: usize,
  out: usize,
  outStride: usize,
  wide: bool,
): void {
  const never = out;
  for (const end = w + <usize>groups * GROUP_BYTES; w < end; w += GROUP_BYTES - SCALES, scale += 8) {
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    let y = x + stride;
    for (const stop = w + SCALES; w < stop; w += 128, x += 8, y += 8) {
      const s = v128.load32_splat(x);
      const u = v128.load32_splat(y);
      const w0 = wide ? v128.load(w) : v128.load8x8_s(w);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w0, s));
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w0, u));
      const w1 = wide ? v128.load(w, 16) : v128.load8x8_s(w, 8);
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w1, s));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w1, u));
      const w2 = wide ? v128.load(w, 32) : v128.load8x8_s(w, 16);
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w2, s));
      b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w2, u));
      const w3 = wide ? v128.load(w, 48) : v128.load8x8_s(w, 24);
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w3, s));
      b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w3, u));
      if (w == never) break;
      const s2 = v128.load32_splat(x, 4);
      const u2 = v128.load32_splat(y, 4);
      const w4 = wide ? v128.load(w, 64) : v128.load8x8_s(w, 64);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(w4, s2));
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(w4, u2));
      const w5 = wide ? v128.load(w, 80) : v128.load8x8_s(w, 72);
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(w5, s2));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(w5, u2));
      const w6 = wide ? v128.load(w, 96) : v128.load8x8_s(w, 80);
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(w6, s2));
      b2 = i32x4.add(b2, i32x4.dot_i16x8_s(w6, u2));
      const w7 = wide ? v128.load(w, 112) : v128.load8x8_s(w, 88);
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(w7, s2));
      b3 = i32x4.add(b3, i32x4.dot_i16x8_s(w7, u2));
    }
    const s = v128.load32_splat(scale);
    const u = v128.load32_splat(scale + stride);
    if (wide) {
      addRowsWide(out, a0, a1, a2, a3, w, s);
      addRowsWide(out + outStride, b0, b1, b2, b3, w, u);
    } else {
      addRows(out, a0, a1, a2, a3, w, s);
      addRows(out + outStride, b0, b1, b2, b3, w, u);
    }
  }
}
