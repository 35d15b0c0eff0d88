// Products of int8 blocks if the relaxed dot product of four bytes is one instruction, exact for a second operand of
// all 8 bits (simd.ts). Same bits as the plain kernels: same integers, then the same f32 operations.
//
// A lane takes four columns of one row: arrange() reorders a packed block accordingly, in place. If the second operand
// is unsigned, weights are stored as w + 128, and 128·Σ x is subtracted from each sum. A 14-bit activation is x =
// 128·hi + lo.
import { unsigned } from "../simd";
import { addRows, blockBytes, GROUP_BYTES, highScales, lowScales, SCALES, zipHigh, zipLow } from "./int8-block";
import { addEight } from "./sums";

/** Reorders a packed block for these kernels: two pairs of columns at a time. */
export function arrange(block: usize, cols: i32): void {
  const flip = i8x16.splat(unsigned() ? -128 : 0);
  for (const end = block + blockBytes(cols); block < end; block += GROUP_BYTES - SCALES) {
    for (const stop = block + SCALES; block < stop; block += 128) zip(block, flip);
  }
}

/** 32 rows' first pair of columns, then their second, become 32 rows of four. */
function zip(at: usize, flip: v128): void {
  const a = v128.xor(v128.load(at), flip);
  const b = v128.xor(v128.load(at, 16), flip);
  const c = v128.xor(v128.load(at, 32), flip);
  const d = v128.xor(v128.load(at, 48), flip);
  const e = v128.xor(v128.load(at, 64), flip);
  const f = v128.xor(v128.load(at, 80), flip);
  const g = v128.xor(v128.load(at, 96), flip);
  const h = v128.xor(v128.load(at, 112), flip);
  v128.store(at, zipLow(a, e));
  v128.store(at, zipHigh(a, e), 16);
  v128.store(at, zipLow(b, f), 32);
  v128.store(at, zipHigh(b, f), 48);
  v128.store(at, zipLow(c, g), 64);
  v128.store(at, zipHigh(c, g), 80);
  v128.store(at, zipLow(d, h), 96);
  v128.store(at, zipHigh(d, h), 112);
}

// @ts-ignore: decorator
@inline
function dot(activations: v128, weights: v128, sum: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(activations, weights, sum);
}

/** The excess of every row's sum: 128·Σ x of the group whose scale and sum are at `scale`. */
// @ts-ignore: decorator
@inline
function excess(scale: usize): v128 {
  return i32x4.splat(unsigned() ? load<i32>(scale, 4) << 7 : 0);
}

/** As int8-dot.ts's, with activations of 8 bits or of 14: four low halves, four high ones, and so on. */
export function addGroups(
  w: usize,
  groups: usize,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  eightBits: bool,
): void {
  const step: usize = eightBits ? 32 : 64;
  for (const end = w + groups * GROUP_BYTES; w < end; w += GROUP_BYTES, x += step, scale += 8) {
    let left = count;
    let at = x;
    let s = scale;
    let to = out;
    for (; left >= 4; left -= 4, at += stride << 2, s += stride << 2, to += outStride << 2) {
      if (eightBits) four8(w, at, s, stride, to, outStride);
      else four14(w, at, s, stride, to, outStride);
    }
    for (; left; left--, at += stride, s += stride, to += outStride) addGroup(w, at, s, to, eightBits);
  }
}

/** A group and four tokens. */
function four8(w: usize, x: usize, scale: usize, stride: usize, out: usize, outStride: usize): void {
  for (let i: usize = 0; i < 4; i++) {
    eight(w + (i << 5), w + SCALES + (i << 4), x, scale, stride, out + (i << 5), outStride, true);
  }
}

function four14(w: usize, x: usize, scale: usize, stride: usize, out: usize, outStride: usize): void {
  for (let i: usize = 0; i < 4; i++) {
    eight(w + (i << 5), w + SCALES + (i << 4), x, scale, stride, out + (i << 5), outStride, false);
  }
}

/** out[32] += group · x, one token. */
export function addGroup(w: usize, x: usize, scale: usize, out: usize, eightBits: bool): void {
  if (eightBits) one8(w, x, scale, out);
  else one14(w, x, scale, out);
}

/** Activations of 14 bits. */
function one14(w: usize, x: usize, scale: usize, out: usize): void {
  half14(w, w + SCALES, x, scale, out);
  half14(w + 64, w + SCALES + 32, x, scale, out + 64);
}

/** 16 rows of a group. */
// @ts-ignore: decorator
@inline
function half14(w: usize, scales: usize, x: usize, scale: usize, out: usize): void {
  let h0 = i32x4.splat(0);
  let h1 = h0;
  let h2 = h0;
  let h3 = h0;
  let l0 = h0;
  let l1 = h0;
  let l2 = h0;
  let l3 = h0;
  for (const stop = w + SCALES; w < stop; w += 128, x += 8) {
    const lo = v128.load32_splat(x);
    const hi = v128.load32_splat(x, 4);
    const w0 = v128.load(w);
    l0 = dot(lo, w0, l0);
    h0 = dot(hi, w0, h0);
    const w1 = v128.load(w, 16);
    l1 = dot(lo, w1, l1);
    h1 = dot(hi, w1, h1);
    const w2 = v128.load(w, 32);
    l2 = dot(lo, w2, l2);
    h2 = dot(hi, w2, h2);
    const w3 = v128.load(w, 48);
    l3 = dot(lo, w3, l3);
    h3 = dot(hi, w3, h3);
  }
  const s = v128.load32_splat(scale);
  const e = excess(scale);
  addRows(out, joined(h0, l0, e), joined(h1, l1, e), joined(h2, l2, e), joined(h3, l3, e), scales, s);
}

/** 128·hi + lo − excess */
// @ts-ignore: decorator
@inline
function joined(hi: v128, lo: v128, excess: v128): v128 {
  return i32x4.sub(i32x4.add(i32x4.shl(hi, 7), lo), excess);
}

/** Activations of 8 bits. */
function one8(w: usize, x: usize, scale: usize, out: usize): void {
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  for (const stop = w + SCALES; w < stop; w += 128, x += 4) {
    const s = v128.load32_splat(x);
    a0 = dot(s, v128.load(w), a0);
    a1 = dot(s, v128.load(w, 16), a1);
    a2 = dot(s, v128.load(w, 32), a2);
    a3 = dot(s, v128.load(w, 48), a3);
    b0 = dot(s, v128.load(w, 64), b0);
    b1 = dot(s, v128.load(w, 80), b1);
    b2 = dot(s, v128.load(w, 96), b2);
    b3 = dot(s, v128.load(w, 112), b3);
  }
  const s = v128.load32_splat(scale);
  const e = excess(scale);
  addRows(out, i32x4.sub(a0, e), i32x4.sub(a1, e), i32x4.sub(a2, e), i32x4.sub(a3, e), w, s);
  addRows(out + 64, i32x4.sub(b0, e), i32x4.sub(b1, e), i32x4.sub(b2, e), i32x4.sub(b3, e), w + 32, s);
}

/** Eight rows and four tokens. Of 14 bits, the high halves' sums become 128 times as large before the low ones come. */
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
  eightBits: bool,
): void {
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  for (let half: usize = eightBits ? 0 : 4; ; half = 0) {
    let x0 = x + half;
    let x1 = x0 + stride;
    let x2 = x1 + stride;
    let x3 = x2 + stride;
    const step: usize = eightBits ? 4 : 8;
    for (let v = w; v < w + SCALES; v += 128, x0 += step, x1 += step, x2 += step, x3 += step) {
      const w0 = v128.load(v);
      const w1 = v128.load(v, 16);
      const s = v128.load32_splat(x0);
      a0 = dot(s, w0, a0);
      a1 = dot(s, w1, a1);
      const s1 = v128.load32_splat(x1);
      b0 = dot(s1, w0, b0);
      b1 = dot(s1, w1, b1);
      const s2 = v128.load32_splat(x2);
      c0 = dot(s2, w0, c0);
      c1 = dot(s2, w1, c1);
      const s3 = v128.load32_splat(x3);
      d0 = dot(s3, w0, d0);
      d1 = dot(s3, w1, d1);
    }
    if (half == 0) break;
    a0 = i32x4.shl(a0, 7);
    a1 = i32x4.shl(a1, 7);
    b0 = i32x4.shl(b0, 7);
    b1 = i32x4.shl(b1, 7);
    c0 = i32x4.shl(c0, 7);
    c1 = i32x4.shl(c1, 7);
    d0 = i32x4.shl(d0, 7);
    d1 = i32x4.shl(d1, 7);
  }
  const pair = v128.load(scales);
  const low = lowScales(pair);
  const high = highScales(pair);
  addWhole(out, a0, a1, low, high, scale);
  addWhole(out + outStride, b0, b1, low, high, scale + stride);
  addWhole(out + outStride * 2, c0, c1, low, high, scale + stride * 2);
  addWhole(out + outStride * 3, d0, d1, low, high, scale + stride * 3);
}

// @ts-ignore: decorator
@inline
function addWhole(out: usize, a: v128, b: v128, low: v128, high: v128, scale: usize): void {
  const e = excess(scale);
  addEight(out, i32x4.sub(a, e), i32x4.sub(b, e), low, high, scale);
}
