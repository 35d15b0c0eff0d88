// Products of int4 blocks with plain SIMD. Activations have 8 bits, so a nibble's sum over 32 columns has at most 17,
// and the highest nibble of a lane, which is worth 4096, is the lane's whole sum minus the other three.
// Σ (n − 8)·x = Σ n·x − 8·Σ x; all rows share Σ x.
//
// Several tokens take eight rows at a time, as in int8-dot.ts.
import { GROUP_BYTES, highScales, lowScales, nibbleMask, SCALES, widen } from "./int4-block";
import { addEight, addScaled } from "./sums";
import { addWide, MANY } from "./wide";

/** As int8-dot.ts's. */
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

/** A group and two tokens, or four: 16 rows at a time, nibbles 0 and 1 of their lanes, then 2 and 3. */
// @ts-ignore: decorator
@inline
function some(w: usize, x: usize, scale: usize, stride: usize, out: usize, outStride: usize, four: bool): void {
  for (let h: usize = 0; h < 2; h++, w += 16, out += 64) {
    const scales = w + SCALES + (h << 4);
    eight(w, scales, x, scale, stride, out, outStride, four, true);
    eight(w, scales + 16, x, scale, stride, out + 32, outStride, four, false);
  }
}

// @ts-ignore: decorator
@inline
function add(sum: v128, w: v128, x: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(w, x));
}

/** out[32] += group · x. The halves are kept apart as in int8-dot.ts. */
export function addGroup(w: usize, x: usize, scale: usize, out: usize): void {
  const never = out;
  const m0 = nibbleMask(0);
  const m1 = nibbleMask(1);
  const m2 = nibbleMask(2);
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  for (const stop = w + SCALES; w < stop; w += 32, x += 4) {
    const s = v128.load32_splat(x);
    const v = v128.load(w);
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.and(v, m0), s));
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.and(v, m1), s));
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.and(v, m2), s));
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v, s));
    if (w == never) break;
    const u = v128.load(w, 16);
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(v128.and(u, m0), s));
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(v128.and(u, m1), s));
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(v128.and(u, m2), s));
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(u, s));
  }
  const s = v128.load32_splat(scale);
  const eight = i32x4.shl(v128.load32_splat(scale, 4), 3);
  accumulate(out, a0, a1, a2, a3, w, s, eight);
  accumulate(out + 64, b0, b1, b2, b3, w + 32, s, eight);
}

/** out[16] += sums · scales: `a1` is 16 times too large, `a2` 256 times, `whole` is the sum of whole lanes. */
// @ts-ignore: decorator
@inline
function accumulate(out: usize, a0: v128, a1: v128, a2: v128, whole: v128, scales: usize, s: v128, eight: v128): void {
  const p = v128.load(scales);
  const q = v128.load(scales, 16);
  const top = i32x4.shr_s(i32x4.sub(whole, i32x4.add(a0, i32x4.add(a1, a2))), 12);
  addScaled(out, i32x4.sub(a0, eight), lowScales(p), s);
  addScaled(out + 16, i32x4.sub(a1, i32x4.shl(eight, 4)), highScales(p), f32x4.mul(s, f32x4.splat(0.0625)));
  addScaled(out + 32, i32x4.sub(a2, i32x4.shl(eight, 8)), lowScales(q), f32x4.mul(s, f32x4.splat(0.00390625)));
  addScaled(out + 48, top, highScales(q), s);
}

/** Eight rows: nibbles that are 1 and 16 times too large, or 256 times and right. */
// @ts-ignore: decorator
@inline
function eight(
  w: usize,
  scales: usize,
  x: usize,
  scale: usize,
  stride: usize,
  out: usize,
  outStride: usize,
  four: bool,
  lower: bool,
): void {
  const m0 = nibbleMask(lower ? 0 : 2);
  const m1 = nibbleMask(1);
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
  for (const stop = w + SCALES; w < stop; w += 32, x += 4, x1 += 4, x2 += 4, x3 += 4) {
    const v = v128.load(w);
    const w0 = v128.and(v, m0);
    const w1 = lower ? v128.and(v, m1) : i16x8.shr_s(v, 12);
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
  }
  const pair = v128.load(scales);
  const low = lowScales(pair);
  const high = highScales(pair);
  addNibbles(out, a0, a1, low, high, scale, lower);
  addNibbles(out + outStride, b0, b1, low, high, scale + stride, lower);
  if (four) {
    addNibbles(out + outStride * 2, c0, c1, low, high, scale + stride * 2, lower);
    addNibbles(out + outStride * 3, d0, d1, low, high, scale + stride * 3, lower);
  }
}

/** Nibbles are n + 8, but for the highest. */
// @ts-ignore: decorator
@inline
function addNibbles(out: usize, a: v128, b: v128, low: v128, high: v128, scale: usize, lower: bool): void {
  const eight = i32x4.shl(v128.load32_splat(scale, 4), 3);
  const first = i32x4.sub(lower ? a : i32x4.shr_s(a, 8), eight);
  const second = lower ? i32x4.sub(i32x4.shr_s(b, 4), eight) : b;
  addEight(out, first, second, low, high, scale);
}
