// Products of int4 blocks with relaxed SIMD, with the bits of the plain kernels. Nibbles are unsigned and fit the 7
// bits for which a relaxed dot product is exact on every machine; its other operand is the activations, four columns at
// a time.
//
// If the dot product of four bytes is not one instruction, that of two often is (x86: pmaddubsw): 16-bit sums hold 32
// columns, at most 8 · 2 · 15 · 127 = 30,480.
import { fused } from "../simd";
import { addRows, byteMask, GROUP_BYTES, highScales, lowScales, SCALES } from "./int4-block";
import { addEight } from "./sums";

// @ts-ignore: decorator
@inline
function low(v: v128, mask: v128): v128 {
  return v128.and(v, mask);
}

// @ts-ignore: decorator
@inline
function high(v: v128, mask: v128): v128 {
  return v128.and(i16x8.shr_u(v, 4), mask);
}

/** Four columns: sum += Σ x·n in each 32-bit lane. */
// @ts-ignore: decorator
@inline
function dot4(x: v128, nibbles: v128, sum: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, nibbles, sum);
}

/** The same in halves of a lane. */
// @ts-ignore: decorator
@inline
function dot2(x: v128, nibbles: v128, sum: v128): v128 {
  return i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(x, nibbles));
}

// @ts-ignore: decorator
@inline
function step(x: v128, nibbles: v128, sum: v128, four: bool): v128 {
  return four ? dot4(x, nibbles, sum) : dot2(x, nibbles, sum);
}

/** 32-bit sums minus the excess 8·Σ x. */
// @ts-ignore: decorator
@inline
function whole(sum: v128, eight: v128, ones: v128, four: bool): v128 {
  return i32x4.sub(four ? sum : i32x4.dot_i16x8_s(sum, ones), eight);
}

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
): void {
  if (fused()) addBy(w, groups, x, scale, stride, count, out, outStride, true);
  else addBy(w, groups, x, scale, stride, count, out, outStride, false);
}

// @ts-ignore: decorator
@inline
function addBy(
  w: usize,
  groups: usize,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  four: bool,
): void {
  for (; count >= 4; count -= 4, x += stride << 2, scale += stride << 2, out += outStride << 2) {
    for (let g: usize = 0; g < groups; g++) {
      const group = w + g * GROUP_BYTES;
      for (let i: usize = 0; i < 4; i++) {
        eight(group + (i << 4), x + (g << 5), scale + (g << 3), stride, out + (i << 5), outStride, four);
      }
    }
  }
  for (; count; count--, x += stride, scale += stride, out += outStride) {
    for (let g: usize = 0; g < groups; g++) one(w + g * GROUP_BYTES, x + (g << 5), scale + (g << 3), out, four);
  }
}

/** out[32] += group · x, one token. */
// @ts-ignore: decorator
@inline
function one(w: usize, x: usize, scale: usize, out: usize, four: bool): void {
  const never = out;
  const mask = byteMask();
  const ones = i16x8.splat(1);
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
    const v = v128.load(w);
    const u = v128.load(w, 16);
    a0 = step(s, low(v, mask), a0, four);
    a1 = step(s, high(v, mask), a1, four);
    a2 = step(s, low(u, mask), a2, four);
    a3 = step(s, high(u, mask), a3, four);
    if (w == never) break; // as in int8-dot.ts
    const y = v128.load(w, 32);
    const z = v128.load(w, 48);
    b0 = step(s, low(y, mask), b0, four);
    b1 = step(s, high(y, mask), b1, four);
    b2 = step(s, low(z, mask), b2, four);
    b3 = step(s, high(z, mask), b3, four);
  }
  const s = v128.load32_splat(scale);
  const eight = i32x4.shl(v128.load32_splat(scale, 4), 3);
  const a = whole(a0, eight, ones, four);
  const b = whole(a1, eight, ones, four);
  const c = whole(a2, eight, ones, four);
  const d = whole(a3, eight, ones, four);
  addRows(out, a, b, c, d, w, s);
  const e = whole(b0, eight, ones, four);
  const f = whole(b1, eight, ones, four);
  const g = whole(b2, eight, ones, four);
  const h = whole(b3, eight, ones, four);
  addRows(out + 64, e, f, g, h, w + 32, s);
}

/** Eight rows and four tokens. */
// @ts-ignore: decorator
@inline
function eight(w: usize, x: usize, scale: usize, stride: usize, out: usize, outStride: usize, four: bool): void {
  const mask = byteMask();
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
  for (const stop = w + SCALES; w < stop; w += 64, x += 4, x1 += 4, x2 += 4, x3 += 4) {
    const v = v128.load(w);
    const w0 = low(v, mask);
    const w1 = high(v, mask);
    const s = v128.load32_splat(x);
    a0 = step(s, w0, a0, four);
    a1 = step(s, w1, a1, four);
    const s1 = v128.load32_splat(x1);
    b0 = step(s1, w0, b0, four);
    b1 = step(s1, w1, b1, four);
    const s2 = v128.load32_splat(x2);
    c0 = step(s2, w0, c0, four);
    c1 = step(s2, w1, c1, four);
    const s3 = v128.load32_splat(x3);
    d0 = step(s3, w0, d0, four);
    d1 = step(s3, w1, d1, four);
  }
  const pair = v128.load(w);
  const lower = lowScales(pair);
  const upper = highScales(pair);
  addWhole(out, a0, a1, lower, upper, scale, four);
  addWhole(out + outStride, b0, b1, lower, upper, scale + stride, four);
  addWhole(out + outStride * 2, c0, c1, lower, upper, scale + stride * 2, four);
  addWhole(out + outStride * 3, d0, d1, lower, upper, scale + stride * 3, four);
}

// @ts-ignore: decorator
@inline
function addWhole(out: usize, a: v128, b: v128, low: v128, high: v128, scale: usize, four: bool): void {
  const ones = i16x8.splat(1);
  const eight = i32x4.shl(v128.load32_splat(scale, 4), 3);
  addEight(out, whole(a, eight, ones, four), whole(b, eight, ones, four), low, high, scale);
}
