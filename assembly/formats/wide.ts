// Many tokens with plain SIMD: a group of weights is widened once, to integers of 16 bits and scales in f32, and all tokens
// pass by. int8 and int4 are the same then. On Intel, 1.1 to 1.15 times as fast as widening for every four tokens, from
// eight tokens on.
//
// A widened group is four times eight rows: 16 pairs of columns of 32 bytes. Then come the scales of its 32 rows.
import { addEight } from "./sums";

/** Fewest tokens for which widening pays. */
export const MANY: i32 = 8;
/** Integers of eight rows. */
export const EIGHT_BYTES: usize = 512;
/** Offset of the scales. */
export const WIDE_SCALES: usize = 4 * EIGHT_BYTES;

// @ts-ignore: decorator
@inline
function add(sum: v128, w: v128, x: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(w, x));
}

/** out[t][32] += group · x[t] for `count` tokens, a multiple of four; arguments as int8-dot.ts's. */
export function addWide(
  wide: usize,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
): void {
  for (; count > 0; count -= 4, x += stride << 2, scale += stride << 2, out += outStride << 2) {
    for (let i: usize = 0; i < 4; i++) {
      eight(wide + i * EIGHT_BYTES, wide + WIDE_SCALES + (i << 5), x, scale, stride, out + (i << 5), outStride);
    }
  }
}

/** Eight rows and four tokens; two pairs of columns at a time, kept apart as in int8-dot.ts's addGroup(). */
function eight(w: usize, scales: usize, x: usize, scale: usize, stride: usize, out: usize, outStride: usize): void {
  const never = out;
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  let x1 = x + stride;
  let x2 = x1 + stride;
  let x3 = x2 + stride;
  for (const stop = w + EIGHT_BYTES; w < stop; w += 64, x += 8, x1 += 8, x2 += 8, x3 += 8) {
    const w0 = v128.load(w);
    const w1 = v128.load(w, 16);
    const s = v128.load32_splat(x);
    a0 = add(a0, w0, s);
    a1 = add(a1, w1, s);
    const s1 = v128.load32_splat(x1);
    b0 = add(b0, w0, s1);
    b1 = add(b1, w1, s1);
    const s2 = v128.load32_splat(x2);
    c0 = add(c0, w0, s2);
    c1 = add(c1, w1, s2);
    const s3 = v128.load32_splat(x3);
    d0 = add(d0, w0, s3);
    d1 = add(d1, w1, s3);
    if (w == never) break;
    const w2 = v128.load(w, 32);
    const w3 = v128.load(w, 48);
    const s4 = v128.load32_splat(x, 4);
    a0 = add(a0, w2, s4);
    a1 = add(a1, w3, s4);
    const s5 = v128.load32_splat(x1, 4);
    b0 = add(b0, w2, s5);
    b1 = add(b1, w3, s5);
    const s6 = v128.load32_splat(x2, 4);
    c0 = add(c0, w2, s6);
    c1 = add(c1, w3, s6);
    const s7 = v128.load32_splat(x3, 4);
    d0 = add(d0, w2, s7);
    d1 = add(d1, w3, s7);
  }
  const low = v128.load(scales);
  const high = v128.load(scales, 16);
  addEight(out, a0, a1, low, high, scale);
  addEight(out + outStride, b0, b1, low, high, scale + stride);
  addEight(out + outStride * 2, c0, c1, low, high, scale + stride * 2);
  addEight(out + outStride * 3, d0, d1, low, high, scale + stride * 3);
}
