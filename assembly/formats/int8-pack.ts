// Packing of int8 weights, from f32 and from Q8_0. Layout of a block: int8-block.ts.
import { NOT_FINITE } from "../abi";
import { f16 } from "../half";
import { blockBytes, decodeScale, encodeScale, GROUP_BYTES, place, scalePlace, zipHigh, zipLow } from "./int8-block";

/** Q8_0: an f16 scale and 32 integers. */
const Q8_BYTES: usize = 34;

/**
 * Packs one block from f32: lane r, column c = src[r·rowStride + c·colStride], strides in values; rows from `rows` and
 * columns from `cols` on are zero. Scale = the one nearest to largest / 127. Records non-finite values in NOT_FINITE.
 */
export function pack(block: usize, cols: i32, src: usize, rowStride: i32, colStride: i32, rows: i32): void {
  memory.fill(block, 0, blockBytes(cols));
  for (let g = 0; g < cols; g += 32, block += GROUP_BYTES) {
    const n = min(32, cols - g);
    for (let r = 0; r < rows; r++) {
      if (n == 32 && colStride == 1) packWhole(block, r, src + ((<usize>(r * rowStride + g)) << 2));
      else packGroup(block, r, src + ((<usize>(r * rowStride + g * colStride)) << 2), colStride, n);
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

/** The same for 32 columns that lie side by side. */
function packWhole(group: usize, r: i32, src: usize): void {
  let largest = f32x4.splat(0);
  for (let i: usize = 0; i < 128; i += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(src + i)));
  const half = f32x4.max(largest, i32x4.shuffle(largest, largest, 2, 3, 0, 1));
  const scale = keepScale(group, r, max(f32x4.extract_lane(half, 0), f32x4.extract_lane(half, 1)) / <f32>127);
  const inverse = f32x4.splat(scale > 0 ? <f32>1 / scale : 0);
  for (let c: usize = 0; c < 32; c += 16, src += 64) {
    const a = i16x8.narrow_i32x4_s(rounded(src, inverse), rounded(src + 16, inverse));
    const b = i16x8.narrow_i32x4_s(rounded(src + 32, inverse), rounded(src + 48, inverse));
    storePairs(place(group, r, c), i8x16.narrow_i16x8_s(a, b));
  }
}

/** Four values as integers. */
// @ts-ignore: decorator
@inline
function rounded(src: usize, inverse: v128): v128 {
  const x = f32x4.nearest(f32x4.mul(v128.load(src), inverse));
  return i32x4.trunc_sat_f32x4_s(f32x4.min(f32x4.max(x, f32x4.splat(-127)), f32x4.splat(127)));
}

/** A row's 16 integers, pair by pair. */
// @ts-ignore: decorator
@inline
function storePairs(to: usize, q: v128): void {
  v128.store16_lane(to, q, 0);
  v128.store16_lane(to, q, 1, 64);
  v128.store16_lane(to, q, 2, 128);
  v128.store16_lane(to, q, 3, 192);
  v128.store16_lane(to, q, 4, 256);
  v128.store16_lane(to, q, 5, 320);
  v128.store16_lane(to, q, 6, 384);
  v128.store16_lane(to, q, 7, 448);
}

/** Stores a row's scale; returns what it is then. */
function keepScale(group: usize, r: i32, scale: f32): f32 {
  if (!(scale < Infinity)) store<usize>(NOT_FINITE, group);
  const bits = encodeScale(scale);
  store<u16>(scalePlace(group, r), <u16>bits);
  return decodeScale(bits);
}

/**
 * Packs one block from stored rows of Q8_0, `rowBytes` apart: integers and scales are kept exactly. A negative scale,
 * which no known program writes, passes its sign to the integers (−128 then becomes 127).
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

function negate(group: usize, r: i32): void {
  for (let c: usize = 0; c < 32; c++) {
    const at = place(group, r, c);
    store<i8>(at, min(127, -(<i32>load<i8>(at))));
  }
}

/**
 * An eighth of a group: 8 rows × 8 pairs of columns, row by row, become 8 pairs × 8 rows. Three rounds of interleaving.
 */
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
