// int4 weights: d · (n − 8), a nibble n for each weight and a scale d for each row and 32 columns, as Q4_0 has them. A
// block holds 32 rows, 32 columns at a time: 512 bytes of nibbles, then the rows' scales, 64 bytes, in the order of
// int8-block.ts.
//
// "Rows in the nibbles of 16-bit lanes": a pair of columns takes 32 bytes, two vectors of 16 rows. The 16-bit lane 2i +
// j of vector h has column j of the pair; its nibbles k = 0..3, lowest first, are rows 16h + 4k + i. The highest one is
// stored as n − 8, so that it is the sign of the lane as well. Kernels of plain SIMD mask a nibble out and multiply it
// where it is, 16^k times too large: nothing is shifted.
//
// Relaxed SIMD reads four columns of a row at a time: arrange() reorders a block accordingly, in place. There, byte j
// of lane i of vector g has column j of the four; its low nibble is row 8g + i, its high one row 8g + 4 + i.
//
// A scale is an f16 with its sign. Its bits in an f32's place are 2^-112 of it. The activations' scales carry 2^79
// (SCALE_UNIT), and finish() multiplies the rest into the sums of all columns. Powers of two, so nothing is rounded.
import { NOT_FINITE } from "../abi";
import { addScaled } from "./sums";
import { EIGHT_BYTES } from "./wide";

/** 32 columns of 32 rows. */
export const GROUP_BYTES: usize = 576;
/** Offset of a group's scales. */
export const SCALES: usize = 512;
/** Factor missing from the sums: 2^33. */
const SUM_UNIT: f32 = 8589934592;

/** Bytes of one block of 32 rows. */
// @ts-ignore: decorator
@inline
export function blockBytes(cols: i32): usize {
  return <usize>((cols + 31) >> 5) * GROUP_BYTES;
}

/**
 * Masks of nibbles 0, 1 and 2 of 16-bit lanes, and of a byte's low one. In memory: Node 24 rematerialises constants in
 * the loop.
 */
const MASKS = memory.data<u64>([
  0x000f000f000f000f, 0x000f000f000f000f, 0x00f000f000f000f0, 0x00f000f000f000f0, 0x0f000f000f000f00,
  0x0f000f000f000f00, 0x0f0f0f0f0f0f0f0f, 0x0f0f0f0f0f0f0f0f,
]);

// @ts-ignore: decorator
@inline
export function nibbleMask(k: usize): v128 {
  return v128.load(MASKS + (k << 4));
}

// @ts-ignore: decorator
@inline
export function byteMask(): v128 {
  return v128.load(MASKS, 48);
}

/** Stores the scale of row `r`; records it in NOT_FINITE if it is not finite. */
export function keepScale(group: usize, r: i32, bits: u32): void {
  if ((bits & 0x7c00) == 0x7c00) store<usize>(NOT_FINITE, group);
  store<u16>(group + SCALES + <usize>(((r >> 3) << 4) + ((r & 3) << 2) + ((r & 4) >> 1)), <u16>bits);
}

/** A 32-bit lane holds the scales of two rows, four rows apart: the first one's as f32 (times 2^-112). */
// @ts-ignore: decorator
@inline
export function lowScales(pair: v128): v128 {
  return v128.and(i32x4.shr_s(i32x4.shl(pair, 16), 3), i32x4.splat(<i32>0x8fffe000));
}

/** The second one's. */
// @ts-ignore: decorator
@inline
export function highScales(pair: v128): v128 {
  return v128.and(i32x4.shr_s(pair, 3), i32x4.splat(<i32>0x8fffe000));
}

/** out[16] += sums · scales of 16 rows · scale of the activations. */
// @ts-ignore: decorator
@inline
export function addRows(out: usize, a: v128, b: v128, c: v128, d: v128, scales: usize, activations: v128): void {
  const p = v128.load(scales);
  const q = v128.load(scales, 16);
  addScaled(out, a, lowScales(p), activations);
  addScaled(out + 16, b, highScales(p), activations);
  addScaled(out + 32, c, lowScales(q), activations);
  addScaled(out + 48, d, highScales(q), activations);
}

/** out[t][32] are sums over all columns: makes them what they are. */
export function finish(out: usize, stride: usize, count: i32): void {
  for (let t = 0; t < count; t++, out += stride) {
    for (let at = out; at < out + 128; at += 16) {
      v128.store(at, f32x4.mul(v128.load(at), f32x4.splat(SUM_UNIT)));
    }
  }
}

/** Widens a group for many tokens (wide.ts): nibbles 0 and 1 of the lanes are eight rows, 2 and 3 the next eight. */
export function widen(group: usize, to: usize): void {
  const mask = i16x8.splat(15);
  const eight = i16x8.splat(8);
  for (let w = group; w < group + 32; w += 16, to += EIGHT_BYTES) {
    let at = w;
    for (const end = to + EIGHT_BYTES; to < end; to += 32, at += 32) {
      const v = v128.load(at);
      v128.store(to, i16x8.sub(v128.and(v, mask), eight));
      v128.store(to, i16x8.sub(v128.and(i16x8.shr_u(v, 4), mask), eight), 16);
      v128.store(to, i16x8.sub(v128.and(i16x8.shr_u(v, 8), mask), eight), EIGHT_BYTES);
      v128.store(to, i16x8.shr_s(v, 12), EIGHT_BYTES + 16);
    }
  }
  for (let w = group + SCALES; w < group + GROUP_BYTES; w += 16, to += 32) {
    const pair = v128.load(w);
    v128.store(to, lowScales(pair));
    v128.store(to, highScales(pair), 16);
  }
}

/** Reorders a packed block for relaxed SIMD. */
export function arrange(block: usize, cols: i32): void {
  for (const end = block + blockBytes(cols); block < end; block += GROUP_BYTES - SCALES) {
    for (const stop = block + SCALES; block < stop; block += 64) {
      const a = v128.load(block);
      const b = v128.load(block, 16);
      const c = v128.load(block, 32);
      const d = v128.load(block, 48);
      v128.store(block, evenBytes(a, c));
      v128.store(block, v128.xor(oddBytes(a, c), i8x16.splat(-128)), 16);
      v128.store(block, evenBytes(b, d), 32);
      v128.store(block, v128.xor(oddBytes(b, d), i8x16.splat(-128)), 48);
    }
  }
}

/** Bytes 0 and 2 of each 32-bit lane of a, then of b. */
// @ts-ignore: decorator
@inline
function evenBytes(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30);
}

// @ts-ignore: decorator
@inline
function oddBytes(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31);
}
