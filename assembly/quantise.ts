// Activations for quantised weights. 32 values share a scale; the integers have 14 bits, so that a sum over a block of
// weights is exact in 32 bits, and can be split into two halves of 7 bits for the relaxed dot product. Their error, at
// most 1/16382 of the block's largest value, is a sixtieth of that of the int8 weights they meet.
//
// A quantised row holds all integers (i16; in the relaxed build their halves, 8 + 8 bytes for 8 of them), then the scales
// (f32), one for each 32 values, times what the weights' scales lack (SCALE_UNIT).
import { QUANT_VALUES } from "./abi";
import { SCALE_UNIT } from "./formats/int8-block";
import { addInteger, integerOf } from "./math";
import { quantRow, quantStride, row } from "./layout";
import { RELAXED } from "./simd";

const LARGEST: f32 = 8191;
/** Blocks with nothing above 2^−110 count as zeros: the inverse of their scale might be infinite. */
const TINY: f32 = 7.703719777548943e-34;

/** Bytes of the integers of a quantised row; its scales follow them. */
// @ts-ignore: decorator
@inline
export function integerBytes(stride: usize): usize {
  // 32 values take 64 bytes of integers and 4 of scales.
  return (stride / 68) << 6;
}

/** Quantises row `t` of a buffer, `n` values, if it has a quantised twin. */
export function quantiseRow(buffer: i32, t: i32, n: i32): void {
  quantiseColumns(buffer, t, 0, n);
}

/** The same for `n` columns from `first` on, a multiple of 32. */
export function quantiseColumns(buffer: i32, t: i32, first: i32, n: i32): void {
  const stride = quantStride(buffer);
  if (stride == 0) return;
  const x = row(buffer, t);
  const q = quantRow(buffer, t);
  const scales = q + integerBytes(stride);
  for (let i = first; i < first + n; i += QUANT_VALUES) {
    quantiseBlock(x + ((<usize>i) << 2), q + ((<usize>i) << 1), scales + ((<usize>i) >> 3));
  }
}

/** 32 values at `x` to integers at `q` and their scale. NaN makes it NaN, infinities and values from 2^62 on infinite. */
function quantiseBlock(x: usize, q: usize, scale: usize): void {
  // As integers, absolute values have the order of the numbers, and NaN is above all.
  let largest = f32x4.abs(v128.load(x));
  for (let i: usize = 16; i < 128; i += 16) largest = i32x4.max_s(largest, f32x4.abs(v128.load(x + i)));
  const a = i32x4.max_s(largest, i8x16.shuffle(largest, largest, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  const most = reinterpret<f32>(max(i32x4.extract_lane(a, 0), i32x4.extract_lane(a, 1)));
  store<f32>(scale, (most / LARGEST) * SCALE_UNIT);
  if (most > TINY && most < Infinity) scaleBlock(x, q, f32x4.splat(LARGEST / most));
  else for (let i: usize = 0; i < 64; i += 16) v128.store(q + i, stored(i16x8.splat(0)));
}

function scaleBlock(x: usize, q: usize, inverse: v128): void {
  for (let i: usize = 0; i < 128; i += 32) {
    const low = integerOf(addInteger(f32x4.mul(v128.load(x + i), inverse)));
    const high = integerOf(addInteger(f32x4.mul(v128.load(x + i, 16), inverse)));
    v128.store(q + (i >> 1), stored(i16x8.narrow_i32x4_s(low, high)));
  }
}

// @ts-ignore: decorator
@inline
function stored(eight: v128): v128 {
  return RELAXED ? halves(eight) : eight;
}

/** Eight integers of 14 bits with a sign as x + 8192 = 128·hi + lo: the eight lo, then the eight hi. */
// @ts-ignore: decorator
@inline
function halves(eight: v128): v128 {
  const x = i16x8.add(eight, i16x8.splat(8192));
  return i8x16.narrow_i16x8_u(v128.and(x, i16x8.splat(127)), i16x8.shr_u(x, 7));
}
