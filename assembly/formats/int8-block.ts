// int8 weights with a scale per row and 32 columns, "rows in lanes". A block holds 32 rows, 32 columns at a time:
// 1024 bytes of integers, pair of columns by pair of columns (row 0's pair, row 1's pair, ... row 31's pair), then the
// rows' scales, 64 bytes. The kernels read it as one straight run of memory, as long as the same weights in Q8_0.
//
// A scale has 16 bits, a 6-bit exponent and a 10-bit mantissa without a sign; its bits in an f32's position are 2^79
// times too small, which the activations' scales compensate (SCALE_UNIT). So decoding takes a shift or two, every scale
// of Q8_0 is exact, and none is a subnormal number: those cost a third of the kernel's speed on x86.
import { addScaled } from "./sums";
import { EIGHT_BYTES } from "./wide";

/** Factor of the activations' scales: 2^79. */
export const SCALE_UNIT: f32 = 6.044629098073146e23;
/** 32 columns of 32 rows. */
export const GROUP_BYTES: usize = 1088;
/** Offset of a group's scales. */
export const SCALES: usize = 1024;

/** Bytes of one block of 32 rows. */
// @ts-ignore: decorator
@inline
export function blockBytes(cols: i32): usize {
  return <usize>((cols + 31) >> 5) * GROUP_BYTES;
}

/** Offset of row `r`, column `c` in a group: pairs of columns, in each the rows. */
// @ts-ignore: decorator
@inline
export function place(group: usize, r: i32, c: usize): usize {
  return group + ((c >> 1) << 6) + ((<usize>r) << 1) + (c & 1);
}

/** Offset of the scale of row `r`: rows r and r + 4 of each eight share a 32-bit lane. */
// @ts-ignore: decorator
@inline
export function scalePlace(group: usize, r: i32): usize {
  return group + SCALES + <usize>(((r >> 3) << 4) + ((r & 3) << 2) + ((r & 4) >> 1));
}

/** A 32-bit lane holds the scales of two rows, four rows apart: the first one's as f32 (times 2^-79). */
// @ts-ignore: decorator
@inline
export function lowScales(pair: v128): v128 {
  return i32x4.shr_u(i32x4.shl(pair, 16), 3);
}

/** The second one's. */
// @ts-ignore: decorator
@inline
export function highScales(pair: v128): v128 {
  return i32x4.shl(i32x4.shr_u(pair, 16), 13);
}

/** out[16] += sums · scales of 16 rows · scale of the activations. */
// @ts-ignore: decorator
@inline
export function addRows(out: usize, a: v128, b: v128, c: v128, d: v128, scales: usize, activations: v128): void {
  const p = v128.load(scales);
  const q = v128.load(scales, 16);
  addScaled(out, a, lowScales(p), activations);
  addScaled(out + 16, b, highScales(p), activations);
  addScaled(out + 32, c, lowScales(q), activations);
  addScaled(out + 48, d, highScales(q), activations);
}

/** Widens a group for many tokens (wide.ts). */
export function widen(group: usize, to: usize): void {
  for (let i: usize = 0; i < 4; i++) {
    let w = group + (i << 4);
    for (const end = to + EIGHT_BYTES; to < end; to += 32, w += 64) {
      v128.store(to, v128.load8x8_s(w));
      v128.store(to, v128.load8x8_s(w, 8), 16);
    }
  }
  for (let w = group + SCALES; w < group + GROUP_BYTES; w += 16, to += 32) {
    const pair = v128.load(w);
    v128.store(to, lowScales(pair));
    v128.store(to, highScales(pair), 16);
  }
}

/** The bits of the scale nearest to `s` ≥ 0: 0 below 2^-47, at most 65,504. */
export function encodeScale(s: f32): u32 {
  const bits = reinterpret<u32>(s / SCALE_UNIT);
  const nearest = (bits + 0xfff + ((bits >> 13) & 1)) >> 13;
  return nearest < 1024 ? 0 : min(nearest, 0xffff);
}

export function decodeScale(bits: u32): f32 {
  return reinterpret<f32>(bits << 13) * SCALE_UNIT;
}

/** The first four 16-bit values of a and b, interleaved. */
// @ts-ignore: decorator
@inline
export function zipLow(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

/** The last four. */
// @ts-ignore: decorator
@inline
export function zipHigh(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
