// int8 weights: packing, and products with plain SIMD. Where a block's values are: int8-block.ts; relaxed SIMD:
// int8-relaxed.ts.
//
// The activations are integers with a scale for 32 values as well (quantise.ts). Sums of products within 32 columns are
// exact in 32 bits; each is multiplied by its two scales and added to the f32 total, in the order of the columns. So a
// row's result has the same bits for any number of tokens.

import { NOT_FINITE } from "../abi";
import { f16 } from "../half";
import { RELAXED } from "../simd";
import {
  addScaled,
  blockBytes,
  decodeScale,
  encodeScale,
  GROUP_BYTES,
  highScales,
  lowScales,
  SCALES,
  zipHigh,
  zipLow,
} from "./int8-block";
import { relaxedDot } from "./int8-relaxed";

/** Groups of weights that the tokens of a batch pass by before the next ones are read: 8.7 KB. */
const STEP: i32 = 8;
/** From so many tokens on, widening the weights once is cheaper than widening them for every two. */
const MANY: i32 = 16;
/** Half the rows of a group, widened to 16 bits, and their scales as f32. */
const WIDE_BYTES: usize = 1088;
/** Half the rows of STEP groups. */
const WIDE_HALF: usize = <usize>STEP * WIDE_BYTES;

/**
 * out[t][32] = block · x[t] for `count` quantised rows `q`, `stride` bytes apart, their scales `scales` bytes into each;
 * the rows of `out` are `outStride` bytes apart. `wide`: scratch for STEP widened groups (SCRATCH_WIDE).
 */
export function dot(
  block: usize,
  cols: i32,
  q: usize,
  scales: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  wide: usize,
): void {
  const groups = (cols + 31) >> 5;
  for (let t = 0; t < count; t++) clear(out + <usize>t * outStride);
  if (RELAXED) relaxedDot(block, groups, q, scales, stride, count, out, outStride, wide);
  else if (count == 1) dot1(block, groups, q, q + scales, out);
  else dotMany(block, groups, q, scales, stride, count, out, outStride, wide);
}

/** By stores: memory.fill is a call out of the module, 1 % of a token. */
function clear(out: usize): void {
  for (const end = out + 128; out < end; out += 32) {
    v128.store(out, f32x4.splat(0));
    v128.store(out, f32x4.splat(0), 16);
  }
}

/** A few groups of weights at a time stay in the first cache while all tokens pass; for many, widened to 16 bits once. */
function dotMany(
  block: usize,
  groups: i32,
  q: usize,
  scales: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  wide: usize,
): void {
  const even = count & ~1;
  for (let g = 0; g < groups; g += STEP) {
    const n = min(STEP, groups - g);
    const w = block + <usize>g * GROUP_BYTES;
    const x = q + ((<usize>g) << 6);
    const scale = q + scales + ((<usize>g) << 2);
    if (count >= MANY) {
      widen(w, n, wide);
      widen(w + 32, n, wide + WIDE_HALF);
      pairsWide(wide, n, x, scale, stride, even, out, outStride);
      pairsWide(wide + WIDE_HALF, n, x, scale, stride, even, out + 64, outStride);
    } else {
      pairs(w, n, x, scale, stride, even, out, outStride);
      pairs(w + 32, n, x, scale, stride, even, out + 64, outStride);
    }
    const last = <usize>even * stride;
    if (even < count) dot1(w, n, x + last, scale + last, out + <usize>even * outStride);
  }
}

/** Half the rows of some groups as dot2 reads them wide: 512 integers of 16 bits, 16 scales. */
function widen(w: usize, groups: i32, wide: usize): void {
  for (let g = 0; g < groups; g++, w += GROUP_BYTES - SCALES) {
    for (const end = w + SCALES; w < end; w += 64, wide += 64) {
      v128.store(wide, v128.load8x8_s(w));
      v128.store(wide, v128.load8x8_s(w, 8), 16);
      v128.store(wide, v128.load8x8_s(w, 16), 32);
      v128.store(wide, v128.load8x8_s(w, 24), 48);
    }
    v128.store(wide, lowScales(v128.load(w)));
    v128.store(wide, highScales(v128.load(w)), 16);
    v128.store(wide, lowScales(v128.load(w, 16)), 32);
    v128.store(wide, highScales(v128.load(w, 16)), 48);
    wide += 64;
  }
}

/**
 * One token. Node 20 moves all loads of a loop's body to its front; with eight of them the sums do not stay in
 * registers, and a fifth of the speed is lost. An exit between the halves, which is never taken, keeps them apart.
 */
function dot1(w: usize, groups: i32, x: usize, scale: usize, out: usize): void {
  const never = out;
  for (const end = w + <usize>groups * GROUP_BYTES; w < end; w += GROUP_BYTES - SCALES, scale += 4) {
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
    accumulate(out, a0, a1, a2, a3, w, s, false);
    accumulate(out + 64, b0, b1, b2, b3, w + 32, s, false);
  }
}

function pairs(
  w: usize,
  n: i32,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
): void {
  for (let t = 0; t < count; t += 2, x += stride * 2, scale += stride * 2, out += outStride * 2) {
    dot2(w, n, x, scale, stride, out, outStride, false);
  }
}

function pairsWide(
  w: usize,
  n: i32,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
): void {
  for (let t = 0; t < count; t += 2, x += stride * 2, scale += stride * 2, out += outStride * 2) {
    dot2(w, n, x, scale, stride, out, outStride, true);
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
  for (const end = w + <usize>groups * GROUP_BYTES; w < end; w += GROUP_BYTES - SCALES, scale += 4) {
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
    accumulate(out, a0, a1, a2, a3, w, v128.load32_splat(scale), wide);
    accumulate(out + outStride, b0, b1, b2, b3, w, v128.load32_splat(scale + stride), wide);
  }
}

/** out[16] += sums · scales of the weights · scale `s` of the activations. */
// @ts-ignore: decorator
@inline
function accumulate(out: usize, a0: v128, a1: v128, a2: v128, a3: v128, scales: usize, s: v128, wide: bool): void {
  const p = v128.load(scales);
  const q = v128.load(scales, 16);
  addScaled(out, a0, wide ? p : lowScales(p), s);
  addScaled(out + 16, a1, wide ? q : highScales(p), s);
  addScaled(out + 32, a2, wide ? v128.load(scales, 32) : lowScales(q), s);
  addScaled(out + 48, a3, wide ? v128.load(scales, 48) : highScales(q), s);
}

/**
 * Packs one block from f32: lane r, column c = src[r·rowStride + c·colStride], strides in values; rows from `rows` and
 * columns from `cols` on are zero. Scale = the one nearest to largest / 127. Notes in NOT_FINITE where a value is not.
 */
export function pack(block: usize, cols: i32, src: usize, rowStride: i32, colStride: i32, rows: i32): void {
  memory.fill(block, 0, blockBytes(cols));
  for (let g = 0; g < cols; g += 32, block += GROUP_BYTES) {
    const n = min(32, cols - g);
    for (let r = 0; r < rows; r++) {
      packGroup(block, r, src + ((<usize>(r * rowStride + g * colStride)) << 2), colStride, n);
    }
  }
}

/** Row `r`'s `n` columns of one group. */
function packGroup(group: usize, r: i32, src: usize, colStride: i32, n: i32): void {
  const step = (<usize>colStride) << 2;
  let largest: f32 = 0;
  for (let c: usize = 0; c < <usize>n; c++) largest = max(largest, abs(load<f32>(src + c * step)));
  const scale = keepScale(group, r, largest / <f32>127);
  const inverse: f32 = scale > 0 ? <f32>1 / scale : 0;
  for (let c: usize = 0; c < <usize>n; c++) {
    const q = <i32>nearest<f32>(load<f32>(src + c * step) * inverse);
    store<i8>(place(group, r, c), max(-127, min(127, q)));
  }
}

/** Stores a row's scale; returns what it is then. */
function keepScale(group: usize, r: i32, scale: f32): f32 {
  if (!(scale < Infinity)) store<usize>(NOT_FINITE, group);
  const bits = encodeScale(scale);
  store<u16>(scalePlace(group, r), <u16>bits);
  return decodeScale(bits);
}

/**
 * Packs one block from rows of Q8_0 as they are stored, `rowBytes` apart: integers and scales are kept exactly. A scale
 * below zero, which no known program writes, gives its sign to the integers (−128 becomes 127 then).
 */
export function packQ8(block: usize, cols: i32, src: usize, rowBytes: usize, rows: i32): void {
  if (rows < 32) memory.fill(block, 0, blockBytes(cols));
  for (let g = 0; g < cols; g += 32, block += GROUP_BYTES, src += Q8_BYTES) {
    if (rows == 32) {
      for (let tile = 0; tile < 8; tile++) transpose(block, src + 2, rowBytes, tile);
    } else {
      for (let r = 0; r < rows; r++) {
        const at = src + 2 + <usize>r * rowBytes;
        for (let c: usize = 0; c < 32; c += 2) store<u16>(place(block, r, c), load<u16>(at + c));
      }
    }
    for (let r = 0; r < rows; r++) {
      const scale = f16(load<u16>(src + <usize>r * rowBytes));
      keepScale(block, r, abs(scale));
      if (scale < 0) negate(block, r);
    }
  }
}

/** Q8_0: an f16 scale and 32 integers. */
const Q8_BYTES: usize = 34;

function negate(group: usize, r: i32): void {
  for (let c: usize = 0; c < 32; c++) {
    const at = place(group, r, c);
    store<i8>(at, min(127, -(<i32>load<i8>(at))));
  }
}

/** An eighth of a group: 8 rows × 8 pairs of columns, row by row, become 8 pairs × 8 rows. Three rounds of interleaving. */
function transpose(block: usize, src: usize, rowBytes: usize, tile: i32): void {
  const row = (<usize>(tile & 3)) << 3;
  const pair = (<usize>(tile >> 2)) << 3;
  const at = src + row * rowBytes + (pair << 1);
  const a0 = v128.load(at);
  const a1 = v128.load(at + rowBytes);
  const a2 = v128.load(at + rowBytes * 2);
  const a3 = v128.load(at + rowBytes * 3);
  const a4 = v128.load(at + rowBytes * 4);
  const a5 = v128.load(at + rowBytes * 5);
  const a6 = v128.load(at + rowBytes * 6);
  const a7 = v128.load(at + rowBytes * 7);
  const b0 = zipLow(a0, a4);
  const b1 = zipHigh(a0, a4);
  const b2 = zipLow(a1, a5);
  const b3 = zipHigh(a1, a5);
  const b4 = zipLow(a2, a6);
  const b5 = zipHigh(a2, a6);
  const b6 = zipLow(a3, a7);
  const b7 = zipHigh(a3, a7);
  const c0 = zipLow(b0, b4);
  const c1 = zipHigh(b0, b4);
  const c2 = zipLow(b1, b5);
  const c3 = zipHigh(b1, b5);
  const c4 = zipLow(b2, b6);
  const c5 = zipHigh(b2, b6);
  const c6 = zipLow(b3, b7);
  const c7 = zipHigh(b3, b7);
  const dst = block + (pair << 6) + (row << 1);
  v128.store(dst, zipLow(c0, c4));
  v128.store(dst, zipHigh(c0, c4), 64);
  v128.store(dst, zipLow(c1, c5), 128);
  v128.store(dst, zipHigh(c1, c5), 192);
  v128.store(dst, zipLow(c2, c6), 256);
  v128.store(dst, zipHigh(c2, c6), 320);
  v128.store(dst, zipLow(c3, c7), 384);
  v128.store(dst, zipHigh(c3, c7), 448);
}

/** Where row `r`, column `c` of a group is: pairs of columns, in each the rows. */
// @ts-ignore: decorator
@inline
function place(group: usize, r: i32, c: usize): usize {
  return group + ((c >> 1) << 6) + ((<usize>r) << 1) + (c & 1);
}

/** Where the scale of row `r` is: rows r and r + 4 of each eight share a 32-bit lane. */
// @ts-ignore: decorator
@inline
function scalePlace(group: usize, r: i32): usize {
  return group + SCALES + <usize>(((r >> 3) << 4) + ((r & 3) << 2) + ((r & 4) >> 1));
}
