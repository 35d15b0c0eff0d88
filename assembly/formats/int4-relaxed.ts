// Products of int4 blocks with relaxed SIMD, with the bits of the plain kernels. Nibbles are unsigned and fit the 7
// bits for which a relaxed dot product is exact on every machine; its other operand is the activations, four columns at
// a time.
//
// If the dot product of four bytes is not one instruction, that of two often is (x86: pmaddubsw): 16-bit sums hold 32
// columns, at most 8 · 2 · 15 · 127 = 30,480.
import { fused } from "../simd";
import { addRows, byteMask, GROUP_BYTES, highScales, lowScales, SCALES } from "./int4-block";
import { STEP } from "./pairs";
import { addRowsWide } from "./sums";

/** 16 rows of a group: nibbles as bytes, then scales as f32. */
const WIDE_BYTES: usize = 576;
const WIDE_SCALES: usize = 512;

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

/** out[32] += `groups` groups · x. */
export function one(w: usize, groups: i32, x: usize, scale: usize, out: usize): void {
  if (fused()) packed(w, groups, x, scale, out, true);
  else packed(w, groups, x, scale, out, false);
}

// @ts-ignore: decorator
@inline
function packed(w: usize, groups: i32, x: usize, scale: usize, out: usize, four: bool): void {
  const never = out;
  const mask = byteMask();
  const ones = i16x8.splat(1);
  for (const end = w + <usize>groups * GROUP_BYTES; w < end; w += GROUP_BYTES - SCALES, scale += 8) {
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
}

/** Like many() of int8-dot.ts: the nibbles become bytes once for all tokens, 16 rows at a time. */
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
  for (let g = 0; g < groups; g += STEP, block += <usize>STEP * GROUP_BYTES, x += STEP * 32, scale += STEP * 8) {
    const n = min(STEP, groups - g);
    for (let half: usize = 0; half < 2; half++) {
      widen(block, half, n, wide);
      if (fused()) pairs(wide, n, x, scale, stride, even, out + (half << 6), outStride, true);
      else pairs(wide, n, x, scale, stride, even, out + (half << 6), outStride, false);
    }
    if (even < count) one(block, n, x + last, scale + last, out + <usize>even * outStride);
  }
}

/** 16 rows of some groups: nibbles as bytes, scales as f32. */
function widen(block: usize, half: usize, groups: i32, wide: usize): void {
  const mask = byteMask();
  for (const end = block + <usize>groups * GROUP_BYTES; block < end; block += GROUP_BYTES, wide += 64) {
    const stop = block + SCALES;
    for (let w = block + (half << 5); w < stop; w += 64, wide += 64) {
      const v = v128.load(w);
      const u = v128.load(w, 16);
      v128.store(wide, low(v, mask));
      v128.store(wide, high(v, mask), 16);
      v128.store(wide, low(u, mask), 32);
      v128.store(wide, high(u, mask), 48);
    }
    const p = v128.load(stop + (half << 5));
    const q = v128.load(stop + (half << 5), 16);
    v128.store(wide, lowScales(p));
    v128.store(wide, highScales(p), 16);
    v128.store(wide, lowScales(q), 32);
    v128.store(wide, highScales(q), 48);
  }
}

// @ts-ignore: decorator
@inline
function pairs(
  w: usize,
  groups: i32,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  four: bool,
): void {
  for (let t = 0; t < count; t += 2, x += stride * 2, scale += stride * 2, out += outStride * 2) {
    pair(w, groups, x, scale, stride, out, outStride, four);
  }
}

/** Two tokens and some widened groups. */
// @ts-ignore: decorator
@inline
function pair(
  w: usize,
  groups: i32,
  x: usize,
  scale: usize,
  stride: usize,
  out: usize,
  outStride: usize,
  four: bool,
): void {
  const ones = i16x8.splat(1);
  for (const end = w + <usize>groups * WIDE_BYTES; w < end; w += WIDE_BYTES - WIDE_SCALES, scale += 8) {
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    let y = x + stride;
    for (const stop = w + WIDE_SCALES; w < stop; w += 64, x += 4, y += 4) {
      const s = v128.load32_splat(x);
      const u = v128.load32_splat(y);
      const w0 = v128.load(w);
      a0 = step(s, w0, a0, four);
      b0 = step(u, w0, b0, four);
      const w1 = v128.load(w, 16);
      a1 = step(s, w1, a1, four);
      b1 = step(u, w1, b1, four);
      const w2 = v128.load(w, 32);
      a2 = step(s, w2, a2, four);
      b2 = step(u, w2, b2, four);
      const w3 = v128.load(w, 48);
      a3 = step(s, w3, a3, four);
      b3 = step(u, w3, b3, four);
    }
    add(out, a0, a1, a2, a3, w, scale, ones, four);
    add(out + outStride, b0, b1, b2, b3, w, scale + stride, ones, four);
  }
}

/** out[16] += sums · scales */
// @ts-ignore: decorator
@inline
function add(
  out: usize,
  a0: v128,
  a1: v128,
  a2: v128,
  a3: v128,
  scales: usize,
  scale: usize,
  ones: v128,
  four: bool,
): void {
  const s = v128.load32_splat(scale);
  const eight = i32x4.shl(v128.load32_splat(scale, 4), 3);
  const a = whole(a0, eight, ones, four);
  const b = whole(a1, eight, ones, four);
  const c = whole(a2, eight, ones, four);
  const d = whole(a3, eight, ones, four);
  addRowsWide(out, a, b, c, d, scales, s);
}
