// int8 weights with a scale for each row and 32 columns, "rows in lanes". A block holds 16 rows, 32 columns at a time:
// 512 bytes of integers, pair of columns by pair of columns (row 0's pair, row 1's pair, ... row 15's pair), then the 16
// rows' scales (f32). The kernels read that as one straight run of memory.
//
// The activations are integers with a scale for 32 values as well (quantise.ts). Sums of products within 32 columns are
// exact in 32 bits; each is multiplied by its two scales and added to the f32 total, in the order of the columns. So a
// row's result has the same bits for any number of tokens.

import { f16 } from "../dtypes";

const GROUP_BYTES: usize = 576;
const SCALES: usize = 512;
/** Groups of weights that the tokens of a batch pass by before the next ones are read: 4.6 KB. */
const STEP: i32 = 8;
/** From so many tokens on, widening the weights once is cheaper than widening them for every two. */
const MANY: i32 = 16;
/** A group widened to 16 bits, and where its scales are. */
const WIDE_GROUP: usize = 1088;
const WIDE_SCALES: usize = 1024;

/** Bytes of one block of 16 rows. */
// @ts-ignore: decorator
@inline
export function blockBytes(cols: i32): usize {
  return <usize>((cols + 31) >> 5) * GROUP_BYTES;
}

/**
 * out[t][16] = block · x[t] for `count` quantised rows `q`, `stride` bytes apart, their scales `scales` bytes into each;
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
  if (count == 1) dot1(block, groups, q, q + scales, out);
  else dotMany(block, groups, q, scales, stride, count, out, outStride, wide);
}

// @ts-ignore: decorator
@inline
function clear(out: usize): void {
  const zero = f32x4.splat(0);
  v128.store(out, zero);
  v128.store(out, zero, 16);
  v128.store(out, zero, 32);
  v128.store(out, zero, 48);
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
  for (let g = 0; g < groups; g += STEP) {
    const n = min(STEP, groups - g);
    const w = block + <usize>g * GROUP_BYTES;
    if (count >= MANY) widen(w, n, wide);
    let x = q + ((<usize>g) << 6);
    let scale = q + scales + ((<usize>g) << 2);
    let at = out;
    let t = 0;
    for (; t + 2 <= count; t += 2, x += stride * 2, scale += stride * 2, at += outStride * 2) {
      if (count >= MANY) dot2Wide(wide, n, x, scale, stride, at, outStride);
      else dot2Narrow(w, n, x, scale, stride, at, outStride);
    }
    if (t < count) dot1(w, n, x, scale, at);
  }
}

/** Groups of weights as dot2Wide reads them: 512 integers of 16 bits, 16 scales. */
function widen(w: usize, groups: i32, wide: usize): void {
  for (let g = 0; g < groups; g++) {
    for (const end = wide + WIDE_SCALES; wide < end; wide += 32, w += 16) {
      v128.store(wide, v128.load8x8_s(w));
      v128.store(wide, v128.load8x8_s(w, 8), 16);
    }
    for (const end = wide + 64; wide < end; wide += 16, w += 16) v128.store(wide, v128.load(w));
  }
}

function dot1(w: usize, groups: i32, x: usize, scale: usize, out: usize): void {
  let t0 = v128.load(out);
  let t1 = v128.load(out, 16);
  let t2 = v128.load(out, 32);
  let t3 = v128.load(out, 48);
  for (const end = w + <usize>groups * GROUP_BYTES; w < end; w += 64, scale += 4) {
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    for (const stop = w + SCALES; w < stop; w += 32, x += 4) {
      const s = v128.load32_splat(x);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load8x8_s(w), s));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load8x8_s(w, 8), s));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load8x8_s(w, 16), s));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load8x8_s(w, 24), s));
    }
    const s = v128.load32_splat(scale);
    t0 = f32x4.add(t0, scaled(a0, v128.load(w), s));
    t1 = f32x4.add(t1, scaled(a1, v128.load(w, 16), s));
    t2 = f32x4.add(t2, scaled(a2, v128.load(w, 32), s));
    t3 = f32x4.add(t3, scaled(a3, v128.load(w, 48), s));
  }
  v128.store(out, t0);
  v128.store(out, t1, 16);
  v128.store(out, t2, 32);
  v128.store(out, t3, 48);
}

function dot2Narrow(w: usize, groups: i32, x: usize, scale: usize, stride: usize, out: usize, outStride: usize): void {
  dot2(w, groups, x, scale, stride, out, outStride, false);
}

function dot2Wide(w: usize, groups: i32, x: usize, scale: usize, stride: usize, out: usize, outStride: usize): void {
  dot2(w, groups, x, scale, stride, out, outStride, true);
}

/** Two tokens. */
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
  const bytes: usize = wide ? WIDE_GROUP : GROUP_BYTES;
  const step: usize = wide ? 64 : 32;
  for (const end = w + <usize>groups * bytes; w < end; w += 64, scale += 4) {
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    let y = x + stride;
    for (const stop = w + bytes - 64; w < stop; w += step, x += 4, y += 4) {
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
    }
    accumulate(out, a0, a1, a2, a3, w, v128.load32_splat(scale));
    accumulate(out + outStride, b0, b1, b2, b3, w, v128.load32_splat(scale + stride));
  }
}

// @ts-ignore: decorator
@inline
function accumulate(tile: usize, a0: v128, a1: v128, a2: v128, a3: v128, scales: usize, s: v128): void {
  v128.store(tile, f32x4.add(v128.load(tile), scaled(a0, v128.load(scales), s)));
  v128.store(tile, f32x4.add(v128.load(tile, 16), scaled(a1, v128.load(scales, 16), s)), 16);
  v128.store(tile, f32x4.add(v128.load(tile, 32), scaled(a2, v128.load(scales, 32), s)), 32);
  v128.store(tile, f32x4.add(v128.load(tile, 48), scaled(a3, v128.load(scales, 48), s)), 48);
}

// @ts-ignore: decorator
@inline
function scaled(sum: v128, weights: v128, activations: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(sum), f32x4.mul(weights, activations));
}

/**
 * Packs one block from f32: lane r, column c = src[r·rowStride + c·colStride], strides in values; rows from `rows` and
 * columns from `cols` on are zero. Scale = largest / 127.
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
  const inverse: f32 = largest > 0 ? <f32>127 / largest : 0;
  store<f32>(group + SCALES + ((<usize>r) << 2), largest / <f32>127);
  for (let c: usize = 0; c < <usize>n; c++) {
    const q = <i32>nearest<f32>(load<f32>(src + c * step) * inverse);
    store<i8>(place(group, r, c), max(-127, min(127, q)));
  }
}

/** Packs one block from rows of Q8_0 as they are stored, `rowBytes` apart: integers and scales are kept exactly. */
export function packQ8(block: usize, cols: i32, src: usize, rowBytes: usize, rows: i32): void {
  if (rows < 16) memory.fill(block, 0, blockBytes(cols));
  for (let g = 0; g < cols; g += 32, block += GROUP_BYTES, src += Q8_BYTES) {
    for (let r = 0; r < rows; r++)
      store<f32>(block + SCALES + ((<usize>r) << 2), f16(load<u16>(src + <usize>r * rowBytes)));
    if (rows == 16) {
      for (let quarter = 0; quarter < 4; quarter++) transpose(block, src + 2, rowBytes, quarter);
    } else {
      for (let r = 0; r < rows; r++) {
        const at = src + 2 + <usize>r * rowBytes;
        for (let c: usize = 0; c < 32; c += 2) store<u16>(place(block, r, c), load<u16>(at + c));
      }
    }
  }
}

/** Q8_0: an f16 scale and 32 integers. */
const Q8_BYTES: usize = 34;

/** A quarter of a group: 8 rows × 8 pairs of columns, row by row, become 8 pairs × 8 rows. Three rounds of interleaving. */
function transpose(block: usize, src: usize, rowBytes: usize, quarter: i32): void {
  const row = (<usize>(quarter & 1)) << 3;
  const pair = (<usize>(quarter >> 1)) << 3;
  const at = src + row * rowBytes + (pair << 1);
  const a0 = v128.load(at);
  const a1 = v128.load(at + rowBytes);
  const a2 = v128.load(at + rowBytes * 2);
  const a3 = v128.load(at + rowBytes * 3);
  const a4 = v128.load(at + rowBytes * 4);
  const a5 = v128.load(at + rowBytes * 5);
  const a6 = v128.load(at + rowBytes * 6);
  const a7 = v128.load(at + rowBytes * 7);
  const b0 = low(a0, a4);
  const b1 = high(a0, a4);
  const b2 = low(a1, a5);
  const b3 = high(a1, a5);
  const b4 = low(a2, a6);
  const b5 = high(a2, a6);
  const b6 = low(a3, a7);
  const b7 = high(a3, a7);
  const c0 = low(b0, b4);
  const c1 = high(b0, b4);
  const c2 = low(b1, b5);
  const c3 = high(b1, b5);
  const c4 = low(b2, b6);
  const c5 = high(b2, b6);
  const c6 = low(b3, b7);
  const c7 = high(b3, b7);
  const dst = block + (pair << 5) + (row << 1);
  v128.store(dst, low(c0, c4));
  v128.store(dst, high(c0, c4), 32);
  v128.store(dst, low(c1, c5), 64);
  v128.store(dst, high(c1, c5), 96);
  v128.store(dst, low(c2, c6), 128);
  v128.store(dst, high(c2, c6), 160);
  v128.store(dst, low(c3, c7), 192);
  v128.store(dst, high(c3, c7), 224);
}

/** The first four 16-bit values of a and b, in turn. */
// @ts-ignore: decorator
@inline
function low(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

/** The last four. */
// @ts-ignore: decorator
@inline
function high(a: v128, b: v128): v128 {
  return i16x8.shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** Where row `r`, column `c` of a group is: pairs of columns, in each the rows. */
// @ts-ignore: decorator
@inline
function place(group: usize, r: i32, c: usize): usize {
  return group + ((c >> 1) << 5) + ((<usize>r) << 1) + (c & 1);
}
