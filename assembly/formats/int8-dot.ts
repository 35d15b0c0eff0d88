// Products of int8 blocks with plain SIMD. Layout of a block: int8-block.ts; with relaxed SIMD: int8-relaxed.ts.
//
// The activations are integers with a scale for 32 values as well (quantise.ts). Sums of products within 32 columns are
// exact in 32 bits; each is multiplied by its two scales and added to the f32 total, in the order of the columns. So a
// row's result has the same bits for any number of tokens.
//
// Several tokens take eight rows at a time, four tokens together: their sums stay in registers. On Intel that is 1.1 to
// 1.3 times as fast as 16 rows and two tokens. Many tokens: wide.ts.
import { addRows, GROUP_BYTES, highScales, lowScales, SCALES, widen } from "./int8-block";
import { addEight } from "./sums";
import { addWide, MANY } from "./wide";

/**
 * out[t][32] += some groups · x[t] for `count` rows of integers, their scales and sums at `scale`, both `stride` bytes
 * apart; the rows of `out` are `outStride` bytes apart. `wide`: scratch for a widened group.
 */
export function addGroups(
  w: usize,
  groups: usize,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  wide: usize,
): void {
  const last = <usize>(count & ~1);
  for (const end = w + groups * GROUP_BYTES; w < end; w += GROUP_BYTES, x += 64, scale += 8) {
    if (last) several(w, x, scale, stride, <i32>last, out, outStride, wide);
    if (count & 1) addGroup(w, x + last * stride, scale + last * stride, out + last * outStride);
  }
}

/** A group and an even number of tokens. */
function several(
  w: usize,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  wide: usize,
): void {
  const fours = count & ~3;
  if (count >= MANY) {
    widen(w, wide);
    addWide(wide, x, scale, stride, fours, out, outStride);
  } else if (fours) some(w, x, scale, stride, out, outStride, true); // four: fewer than MANY
  const pair = <usize>fours;
  if (count & 2) some(w, x + pair * stride, scale + pair * stride, stride, out + pair * outStride, outStride, false);
}

/** A group and two tokens, or four. */
// @ts-ignore: decorator
@inline
function some(w: usize, x: usize, scale: usize, stride: usize, out: usize, outStride: usize, four: bool): void {
  for (let i: usize = 0; i < 4; i++) eight(w + (i << 4), x, scale, stride, out + (i << 5), outStride, four);
}

/**
 * out[32] += group · x. Node 20 moves all loads of a loop's body to its front; with eight of them the sums do
 * not stay in registers, and a fifth of the speed is lost. An exit between the halves, which is never taken, keeps them
 * apart.
 */
export function addGroup(w: usize, x: usize, scale: usize, out: usize): void {
  const never = out;
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  for (const stop = w + SCALES; w < stop; w += 64, x += 4) {
    const s = v128.load32_splat(x);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load8x8_s(w), s));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load8x8_s(w, 8), s));
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load8x8_s(w, 16), s));
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load8x8_s(w, 24), s));
    if (w == never) break;
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(v128.load8x8_s(w, 32), s));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(v128.load8x8_s(w, 40), s));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(v128.load8x8_s(w, 48), s));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(v128.load8x8_s(w, 56), s));
  }
  const s = v128.load32_splat(scale);
  addRows(out, a0, a1, a2, a3, w, s);
  addRows(out + 64, b0, b1, b2, b3, w + 32, s);
}

// @ts-ignore: decorator
@inline
function add(sum: v128, w: v128, x: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(w, x));
}

/** Eight rows and two tokens, or four; two pairs of columns at a time, kept apart as in addGroup(). */
// @ts-ignore: decorator
@inline
function eight(w: usize, x: usize, scale: usize, stride: usize, out: usize, outStride: usize, four: bool): void {
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
  for (const stop = w + SCALES; w < stop; w += 128, x += 8, x1 += 8, x2 += 8, x3 += 8) {
    const w0 = v128.load8x8_s(w);
    const w1 = v128.load8x8_s(w, 8);
    const s = v128.load32_splat(x);
    a0 = add(a0, w0, s);
    a1 = add(a1, w1, s);
    const s1 = v128.load32_splat(x1);
    b0 = add(b0, w0, s1);
    b1 = add(b1, w1, s1);
    if (four) {
      const s2 = v128.load32_splat(x2);
      c0 = add(c0, w0, s2);
      c1 = add(c1, w1, s2);
      const s3 = v128.load32_splat(x3);
      d0 = add(d0, w0, s3);
      d1 = add(d1, w1, s3);
    }
    if (w == never) break;
    const w2 = v128.load8x8_s(w, 64);
    const w3 = v128.load8x8_s(w, 72);
    const s4 = v128.load32_splat(x, 4);
    a0 = add(a0, w2, s4);
    a1 = add(a1, w3, s4);
    const s5 = v128.load32_splat(x1, 4);
    b0 = add(b0, w2, s5);
    b1 = add(b1, w3, s5);
    if (four) {
      const s6 = v128.load32_splat(x2, 4);
      c0 = add(c0, w2, s6);
      c1 = add(c1, w3, s6);
      const s7 = v128.load32_splat(x3, 4);
      d0 = add(d0, w2, s7);
      d1 = add(d1, w3, s7);
    }
  }
  const scales = v128.load(w);
  const low = lowScales(scales);
  const high = highScales(scales);
  addEight(out, a0, a1, low, high, scale);
  addEight(out + outStride, b0, b1, low, high, scale + stride);
  if (four) {
    addEight(out + outStride * 2, c0, c1, low, high, scale + stride * 2);
    addEight(out + outStride * 3, d0, d1, low, high, scale + stride * 3);
  }
}
