// Activations for quantised weights. 32 values share a scale. Their integers have 14 bits, so that a sum over a block
// of int8 weights is exact in 32 bits; their error, at most 1/16382 of the block's largest value, is a sixtieth of the
// weights' error. For int4 weights, and if the option asks for it, they have 8 bits.
//
// A quantised row holds, for each 32 values, a scale (f32, including the factor SCALE_UNIT that the weights' scales
// lack) and the sum of the integers (i32); then all 16-bit integers; then, for 8 bits and in the relaxed build, all of
// them as bytes. For relaxed dot products of four bytes, 14-bit integers are x = 128·hi + lo: four lo, four hi, and so
// on.
import { QUANT_VALUES } from "./abi";
import { SCALE_UNIT } from "./formats/int8-block";
import { addInteger, integerOf } from "./math";
import { quantRow, quantStride, row, stride } from "./layout";
import { fused, RELAXED } from "./simd";

/** Blocks whose values are all at most 2^−110 count as zeros: the inverse of their scale might be infinite. */
const TINY: f32 = 7.703719777548943e-34;

/** The largest integer: 8191 or 127. */
let largestInteger: f32 = 8191;

export function setLargest(to: i32): void {
  largestInteger = <f32>to;
}

/** Whether integers have 8 bits. */
// @ts-ignore: decorator
@inline
export function eightBits(): bool {
  return largestInteger == 127;
}

/** The integers of a buffer's row `t`. */
export function integersAt(buffer: i32, t: i32): usize {
  return quantRow(buffer, t) + (stride(buffer) >> 4);
}

/** The same as bytes. */
export function bytesAt(buffer: i32, t: i32): usize {
  return integersAt(buffer, t) + (stride(buffer) >> 1);
}

/** Quantises row `t` of a buffer, `n` values, if it has a quantised twin. */
export function quantiseRow(buffer: i32, t: i32, n: i32): void {
  quantiseColumns(buffer, t, 0, n);
}

/** The same for `n` columns from `first` on, a multiple of 32. */
export function quantiseColumns(buffer: i32, t: i32, first: i32, n: i32): void {
  if (quantStride(buffer) == 0) return;
  const x = row(buffer, t);
  const scales = quantRow(buffer, t);
  const q = integersAt(buffer, t);
  const bytes = bytesAt(buffer, t);
  for (let i: usize = first; i < <usize>(first + n); i += QUANT_VALUES) {
    quantiseBlock(x + (i << 2), scales + (i >> 2), q + (i << 1), bytes + i);
  }
}

/**
 * 32 values at `x` to a scale and integers. NaN gives a NaN scale; infinities, and values from 2^55 on, an infinite
 * one.
 */
function quantiseBlock(x: usize, scale: usize, q: usize, bytes: usize): void {
  // As integers, absolute values have the order of the numbers, and NaN is above all.
  let largest = f32x4.abs(v128.load(x));
  for (let i: usize = 16; i < 128; i += 16) largest = i32x4.max_s(largest, f32x4.abs(v128.load(x + i)));
  const a = i32x4.max_s(largest, i8x16.shuffle(largest, largest, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  const most = reinterpret<f32>(max(i32x4.extract_lane(a, 0), i32x4.extract_lane(a, 1)));
  store<f32>(scale, (most / largestInteger) * SCALE_UNIT);
  if (most > TINY && most < Infinity) {
    store<i32>(scale, scaleBlock(x, q, bytes, f32x4.splat(largestInteger / most)), 4);
  } else {
    store<i32>(scale, 0, 4);
    for (let i: usize = 0; i < 32; i += 8) keepEight(i16x8.splat(0), q + (i << 1), bytes + i);
  }
}

/** @returns the sum of the integers */
function scaleBlock(x: usize, q: usize, bytes: usize, inverse: v128): i32 {
  let sum = i32x4.splat(0);
  for (let i: usize = 0; i < 32; i += 8) {
    const low = integerOf(addInteger(f32x4.mul(v128.load(x + (i << 2)), inverse)));
    const high = integerOf(addInteger(f32x4.mul(v128.load(x + (i << 2), 16), inverse)));
    sum = i32x4.add(sum, i32x4.add(low, high));
    keepEight(i16x8.narrow_i32x4_s(low, high), q + (i << 1), bytes + i);
  }
  return (
    i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)
  );
}

// @ts-ignore: decorator
@inline
function keepEight(integers: v128, q: usize, bytes: usize): void {
  v128.store(q, fused() ? halves(integers) : integers);
  if (RELAXED && eightBits()) v128.store64_lane(bytes, i8x16.narrow_i16x8_s(integers, integers), 0);
}

/** Eight signed 14-bit integers as x = 128·hi + lo: four lo, four hi, four lo, four hi. */
// @ts-ignore: decorator
@inline
function halves(eight: v128): v128 {
  const both = i8x16.narrow_i16x8_s(v128.and(eight, i16x8.splat(127)), i16x8.shr_s(eight, 7));
  return i32x4.shuffle(both, both, 0, 2, 1, 3);
}
