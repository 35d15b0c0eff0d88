// Products of int4 blocks with relaxed SIMD, with the bits of the plain kernels. Nibbles are unsigned and fit the 7
// bits for which a relaxed dot product is exact on every machine; its other operand is the activations, four columns at
// a time.
//
// If the dot product of four bytes is not one instruction, that of two often is (x86: pmaddubsw): 16-bit sums hold 32
// columns, at most 8 · 2 · 15 · 127 = 30,480.
import { fused } from "../simd";
import { addRows, byteMask, GROUP_BYTES, highScales, lowScales, SCALES } from "./int4-block";
import { addEight } from "./sums";

/** Unpacked nibbles of eight rows. */
const EIGHT_BYTES: usize = 256;

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

/** As int8-dot.ts's; several tokens read their nibbles unpacked, one a byte. */
export function addGroups(
  w: usize,
  groups: usize,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  unpacked: usize,
): void {
  const fours = fused();
  for (const end = w + groups * GROUP_BYTES; w < end; w += GROUP_BYTES, x += 32, scale += 8) {
    let left = count;
    let at = x;
    let s = scale;
    let to = out;
    if (left >= 4) unpack(w, unpacked);
    for (; left >= 4; left -= 4, at += stride << 2, s += stride << 2, to += outStride << 2) {
      if (fours) allByFours(unpacked, w + SCALES, at, s, stride, to, outStride);
      else allByTwos(unpacked, w + SCALES, at, s, stride, to, outStride);
    }
    for (; left; left--, at += stride, s += stride, to += outStride) addGroup(w, at, s, to);
  }
}

/** Four times eight rows: 8 times four columns of 32 bytes. */
function unpack(group: usize, to: usize): void {
  const mask = byteMask();
  for (let w = group; w < group + 64; w += 16) {
    let at = w;
    for (const end = to + EIGHT_BYTES; to < end; to += 32, at += 64) {
      const v = v128.load(at);
      v128.store(to, low(v, mask));
      v128.store(to, high(v, mask), 16);
    }
  }
}

/** out[32] += group · x, one token. */
export function addGroup(w: usize, x: usize, scale: usize, out: usize): void {
  if (fused()) oneByFours(w, x, scale, out);
  else oneByTwos(w, x, scale, out);
}

function oneByFours(w: usize, x: usize, scale: usize, out: usize): void {
  one(w, x, scale, out, true);
}

function oneByTwos(w: usize, x: usize, scale: usize, out: usize): void {
  one(w, x, scale, out, false);
}

function allByFours(
  w: usize,
  scales: usize,
  x: usize,
  scale: usize,
  stride: usize,
  out: usize,
  outStride: usize,
): void {
  all(w, scales, x, scale, stride, out, outStride, true);
}

function allByTwos(w: usize, scales: usize, x: usize, scale: usize, stride: usize, out: usize, outStride: usize): void {
  all(w, scales, x, scale, stride, out, outStride, false);
}

/** out[t][32] += group · x[t] for four tokens. */
// @ts-ignore: decorator
@inline
function all(
  w: usize,
  scales: usize,
  x: usize,
  scale: usize,
  stride: usize,
  out: usize,
  outStride: usize,
  four: bool,
): void {
  for (const end = out + 128; out < end; out += 32, w += EIGHT_BYTES, scales += 16) {
    eight(w, scales, x, scale, stride, out, outStride, four);
  }
}

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

/** Eight rows and four tokens, eight columns at a time, kept apart as in int8-dot.ts. */
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
): void {
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
    if (w == never) break;
    const w2 = v128.load(w, 32);
    const w3 = v128.load(w, 48);
    const s4 = v128.load32_splat(x, 4);
    a0 = step(s4, w2, a0, four);
    a1 = step(s4, w3, a1, four);
    const s5 = v128.load32_splat(x1, 4);
    b0 = step(s5, w2, b0, four);
    b1 = step(s5, w3, b1, four);
    const s6 = v128.load32_splat(x2, 4);
    c0 = step(s6, w2, c0, four);
    c1 = step(s6, w3, c1, four);
    const s7 = v128.load32_splat(x3, 4);
    d0 = step(s7, w2, d0, four);
    d1 = step(s7, w3, d1, four);
  }
  const pair = v128.load(scales);
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
