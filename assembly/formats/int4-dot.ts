// Products of int4 blocks with plain SIMD. Activations have 8 bits, so a nibble's sum over 32 columns has at most 17,
// and the highest nibble of a lane, which is worth 4096, is the lane's whole sum minus the other three.
// Σ (n − 8)·x = Σ n·x − 8·Σ x; all rows share Σ x.
import { GROUP_BYTES, highScales, lowScales, nibbleMask, SCALES } from "./int4-block";
import { pairs, STEP, WIDE_HALF } from "./pairs";
import { addScaled } from "./sums";

/** Like many() of int8-dot.ts: the weights are widened to 16 bits, once for all tokens. */
export function many(
  block: usize,
  groups: i32,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  wide: usize,
): void {
  const even = count & ~1;
  const last = <usize>even * stride;
  for (let g = 0; g < groups; g += STEP, block += <usize>STEP * GROUP_BYTES, x += STEP * 64, scale += STEP * 8) {
    const n = min(STEP, groups - g);
    widen(block, 0, n, wide);
    widen(block, 1, n, wide + WIDE_HALF);
    pairs(wide, n, x, scale, stride, even, out, outStride, true);
    pairs(wide + WIDE_HALF, n, x, scale, stride, even, out + 64, outStride, true);
    if (even < count) one(block, n, x + last, scale + last, out + <usize>even * outStride);
  }
}

/** Half the rows of some groups as pairs() reads them. */
function widen(block: usize, half: usize, groups: i32, wide: usize): void {
  const mask = nibbleMask(0);
  const eight = i16x8.splat(8);
  for (const end = block + <usize>groups * GROUP_BYTES; block < end; block += GROUP_BYTES) {
    const stop = block + SCALES;
    for (let w = block + (half << 4); w < stop; w += 32, wide += 64) {
      const v = v128.load(w);
      v128.store(wide, i16x8.sub(v128.and(v, mask), eight));
      v128.store(wide, i16x8.sub(v128.and(i16x8.shr_u(v, 4), mask), eight), 16);
      v128.store(wide, i16x8.sub(v128.and(i16x8.shr_u(v, 8), mask), eight), 32);
      v128.store(wide, i16x8.shr_s(v, 12), 48);
    }
    const p = v128.load(stop + (half << 5));
    const q = v128.load(stop + (half << 5), 16);
    v128.store(wide, lowScales(p));
    v128.store(wide, highScales(p), 16);
    v128.store(wide, lowScales(q), 32);
    v128.store(wide, highScales(q), 48);
    wide += 64;
  }
}

/** out[32] += `groups` groups · x. The halves are kept apart as in int8-dot.ts. */
export function one(w: usize, groups: i32, x: usize, scale: usize, out: usize): void {
  const never = out;
  const m0 = nibbleMask(0);
  const m1 = nibbleMask(1);
  const m2 = nibbleMask(2);
  for (const end = w + <usize>groups * GROUP_BYTES; w < end; w += GROUP_BYTES - SCALES, scale += 8) {
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
