// Packing of int4 weights, from f32 with a scale search, and from Q4_0. Layout of a block: int4-block.ts.
import { NOT_FINITE } from "../abi";
import { f16, halfBits } from "../half";
import { lanes } from "../math";
import { GROUP_BYTES, keepScale, SCALES } from "./int4-block";

/** Scratch for both: a row's 32 values as f32, then a group's nibbles as bytes, row by row. */
const NIBBLES: usize = 128;
/** Q4_0: an f16 scale and 32 nibbles. */
const Q4_BYTES: usize = 18;

/**
 * Scales tried for a row's 32 columns: the largest value is FIRST + i·STEP steps away from zero, for i below TRIALS,
 * towards −8 and towards 7. For the bundled model, 12 trials per side leave 0.1 % more squared error than 48.
 */
const FIRST: f32 = 5.5;
const STEP: f32 = 0.4;
const TRIALS: i32 = 9;

/**
 * Packs one block from f32: lane r, column c = src[r·rowStride + c·colStride], strides in values; rows from `rows` and
 * columns from `cols` on are zero. Records non-finite values in NOT_FINITE. `scratch`: 1152 bytes.
 */
export function pack(
  block: usize,
  cols: i32,
  src: usize,
  rowStride: i32,
  colStride: i32,
  rows: i32,
  scratch: usize,
): void {
  for (let g = 0; g < cols; g += 32, block += GROUP_BYTES) {
    clear(block, scratch);
    for (let r = 0; r < rows; r++) {
      const at = src + ((<usize>(r * rowStride + g * colStride)) << 2);
      gather(scratch, at, colStride, min(32, cols - g));
      packRow(block, r, scratch);
    }
    compose(block, scratch + NIBBLES);
  }
}

/**
 * Packs one block from stored rows of Q4_0, `rowBytes` apart: nibbles and scales are kept exactly.
 */
export function packQ4(block: usize, cols: i32, src: usize, rowBytes: usize, rows: i32, scratch: usize): void {
  for (let g = 0; g < cols; g += 32, block += GROUP_BYTES, src += Q4_BYTES) {
    clear(block, scratch);
    for (let r = 0; r < rows; r++) {
      const at = src + <usize>r * rowBytes;
      const to = scratch + NIBBLES + ((<usize>r) << 5);
      const pairs = v128.load(at, 2);
      keepScale(block, r, load<u16>(at));
      v128.store(to, v128.and(pairs, i8x16.splat(15)));
      v128.store(to, i8x16.shr_u(pairs, 4), 16);
    }
    compose(block, scratch + NIBBLES);
  }
}

/** Nibbles and scales for zeros. */
function clear(group: usize, scratch: usize): void {
  memory.fill(scratch + NIBBLES, 8, 1024);
  memory.fill(group + SCALES, 0, GROUP_BYTES - SCALES);
}

/** x[32] = `n` values at this stride, then zeros. */
function gather(x: usize, src: usize, stride: i32, n: i32): void {
  memory.fill(x, 0, 128);
  if (stride == 1) memory.copy(x, src, (<usize>n) << 2);
  else for (let c = 0; c < n; c++) store<f32>(x + ((<usize>c) << 2), load<f32>(src + ((<usize>(c * stride)) << 2)));
}

/** The 32 values at `scratch` as nibbles, and their scale. */
function packRow(group: usize, r: i32, scratch: usize): void {
  const largest = extreme(scratch);
  if (!(abs(largest) < Infinity)) store<usize>(NOT_FINITE, group);
  const bits = largest == 0 ? 0 : halfBits(search(scratch, largest));
  const d = f16(bits);
  keepScale(group, r, bits);
  const inverse = f32x4.splat(d == 0 ? 0 : <f32>1 / d);
  const to = scratch + NIBBLES + ((<usize>r) << 5);
  for (let c: usize = 0; c < 32; c += 4) {
    const n = i32x4.add(i32x4.trunc_sat_f32x4_s(integers(scratch + (c << 2), inverse)), i32x4.splat(8));
    const narrow = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(n, n), i16x8.splat(0));
    v128.store32_lane(to + c, narrow, 0);
  }
}

/** The value with the largest magnitude; NaN if one is. */
function extreme(x: usize): f32 {
  let most: f32 = 0;
  for (let i: usize = 0; i < 128; i += 4) {
    const value = load<f32>(x + i);
    if (!(abs(value) <= abs(most))) most = value;
    if (value != value) return value;
  }
  return most;
}

/** Four values in steps of the scale, −8 to 7. */
// @ts-ignore: decorator
@inline
function integers(x: usize, inverse: v128): v128 {
  const q = f32x4.nearest(f32x4.mul(v128.load(x), inverse));
  return f32x4.min(f32x4.max(q, f32x4.splat(-8)), f32x4.splat(7));
}

/**
 * The scale with the least squared error. For the integers q of a trial, the best scale is Σxq / Σq², and the remaining
 * error is Σx² − (Σxq)² / Σq².
 */
function search(x: usize, largest: f32): f32 {
  let best: f32 = 0;
  let scale: f32 = 0;
  for (let trial = 0; trial < TRIALS * 2; trial++) {
    const steps = FIRST + <f32>(trial >> 1) * STEP;
    const inverse = f32x4.splat((trial & 1 ? steps : -steps) / largest);
    let xq = f32x4.splat(0);
    let qq = xq;
    for (let i: usize = 0; i < 128; i += 16) {
      const q = integers(x + i, inverse);
      xq = f32x4.add(xq, f32x4.mul(v128.load(x + i), q));
      qq = f32x4.add(qq, f32x4.mul(q, q));
    }
    const fit = lanes(xq) / lanes(qq);
    const gain = fit * lanes(xq);
    if (gain > best) {
      best = gain;
      scale = fit;
    }
  }
  return scale;
}

/** Stores a group's nibbles, given row by row: 16 columns of four rows at a time. */
function compose(group: usize, nibbles: usize): void {
  for (let quartet: usize = 0; quartet < 8; quartet++) {
    const at = nibbles + ((quartet >> 2) << 9) + ((quartet & 3) << 5);
    const to = group + ((quartet >> 2) << 4) + ((quartet & 3) << 2);
    composeHalf(to, at);
    composeHalf(to + 256, at + 16);
  }
}

/** Rows `at` to `at` + 12 in steps of 4. */
function composeHalf(to: usize, at: usize): void {
  const low = v128.or(v128.load(at), i8x16.shl(v128.load(at, 128), 4));
  const top = v128.xor(v128.load(at, 384), i8x16.splat(8));
  const high = v128.or(v128.load(at, 256), i8x16.shl(top, 4));
  const first = i8x16.shuffle(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const second = i8x16.shuffle(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  v128.store32_lane(to, first, 0);
  v128.store32_lane(to, first, 1, 32);
  v128.store32_lane(to, first, 2, 64);
  v128.store32_lane(to, first, 3, 96);
  v128.store32_lane(to, second, 0, 128);
  v128.store32_lane(to, second, 1, 160);
  v128.store32_lane(to, second, 2, 192);
  v128.store32_lane(to, second, 3, 224);
}
