// Products of int8 blocks with relaxed SIMD, to the bits of the plain kernels: the same integers, the same f32 operations
// after them. Processors with an instruction for four products and their sum in each lane (ARM's sdot) do in one step
// what plain SIMD does in several.
//
// The relaxed dot product is exact on every machine when one side has 7 bits and no sign. So an activation x comes as
// x + 8192 = 128·hi + lo (quantise.ts), and
//
//   Σ w·x = 128·Σ w·hi + Σ w·lo − 8192·Σ w
//
// A lane takes four columns of one row: two pairs of columns are interleaved, row by row. 16 rows at a time.
import { addScaled, GROUP_BYTES, highScales, lowScales, SCALES, zipHigh, zipLow } from "./int8-block";

/** Groups that the tokens of a batch pass by before the next ones are read. */
const STEP: i32 = 8;
/** 16 rows of a group, interleaved: integers, then Σ w · 8192 of each row, then the scales as f32. */
const ZIPPED_BYTES: usize = 640;
const ZIPPED_SUMS: usize = 512;

/** As formats/int8.ts's dot(), on sums that are zero; `groups` of 32 columns. */
export function relaxedDot(
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
    const x = q + ((<usize>g) << 6);
    const scale = q + scales + ((<usize>g) << 2);
    for (let half: usize = 0; half < 2; half++) {
      const to = out + (half << 6);
      if (count == 1) one(w + (half << 5), n, x, scale, to);
      else many(w + (half << 5), n, x, scale, stride, count, to, outStride, wide);
    }
  }
}

// @ts-ignore: decorator
@inline
function dot(weights: v128, activations: v128, sum: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(weights, activations, sum);
}

/** 128·hi + lo − 8192·w */
// @ts-ignore: decorator
@inline
function joined(hi: v128, lo: v128, w8192: v128): v128 {
  return i32x4.sub(i32x4.add(i32x4.shl(hi, 7), lo), w8192);
}

/** One token: the weights are interleaved on the way, and Σ w is a third product. */
function one(w: usize, groups: i32, x: usize, scale: usize, out: usize): void {
  const ones = i8x16.splat(1);
  for (const end = w + <usize>groups * GROUP_BYTES; w < end; w += GROUP_BYTES - SCALES, scale += 4) {
    let h0 = i32x4.splat(0);
    let h1 = h0;
    let h2 = h0;
    let h3 = h0;
    let l0 = h0;
    let l1 = h0;
    let l2 = h0;
    let l3 = h0;
    let s0 = h0;
    let s1 = h0;
    let s2 = h0;
    let s3 = h0;
    // The second four of eight columns have their low halves 4 bytes further on, and then 12 bytes to the next eight.
    let next: usize = 4;
    for (const stop = w + SCALES; w < stop; w += 128, x += next, next = 16 - next) {
      const lo = v128.load32_splat(x);
      const hi = v128.load32_splat(x, 8);
      const a = v128.load(w);
      const b = v128.load(w, 64);
      const w0 = zipLow(a, b);
      l0 = dot(w0, lo, l0);
      h0 = dot(w0, hi, h0);
      s0 = dot(w0, ones, s0);
      const w1 = zipHigh(a, b);
      l1 = dot(w1, lo, l1);
      h1 = dot(w1, hi, h1);
      s1 = dot(w1, ones, s1);
      const c = v128.load(w, 16);
      const d = v128.load(w, 80);
      const w2 = zipLow(c, d);
      l2 = dot(w2, lo, l2);
      h2 = dot(w2, hi, h2);
      s2 = dot(w2, ones, s2);
      const w3 = zipHigh(c, d);
      l3 = dot(w3, lo, l3);
      h3 = dot(w3, hi, h3);
      s3 = dot(w3, ones, s3);
    }
    const s = v128.load32_splat(scale);
    const p = v128.load(w);
    const r = v128.load(w, 16);
    addScaled(out, joined(h0, l0, i32x4.shl(s0, 13)), lowScales(p), s);
    addScaled(out + 16, joined(h1, l1, i32x4.shl(s1, 13)), highScales(p), s);
    addScaled(out + 32, joined(h2, l2, i32x4.shl(s2, 13)), lowScales(r), s);
    addScaled(out + 48, joined(h3, l3, i32x4.shl(s3, 13)), highScales(r), s);
  }
}

/** Several tokens pass by a few groups that were interleaved, and summed up, once. */
function many(
  w: usize,
  groups: i32,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  zipped: usize,
): void {
  for (let g = 0; g < groups; g++) zip(w + <usize>g * GROUP_BYTES, zipped + <usize>g * ZIPPED_BYTES);
  for (let t = 0; t < count; t++, x += stride, scale += stride, out += outStride) {
    passBy(zipped, groups, x, scale, out);
  }
}

/** 16 rows of one group. */
function zip(w: usize, to: usize): void {
  const ones = i8x16.splat(1);
  const sums = to + ZIPPED_SUMS;
  let s0 = i32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (const stop = w + SCALES; w < stop; w += 128, to += 64) {
    const a = v128.load(w);
    const b = v128.load(w, 64);
    const c = v128.load(w, 16);
    const d = v128.load(w, 80);
    s0 = dot(zipLow(a, b), ones, s0);
    s1 = dot(zipHigh(a, b), ones, s1);
    s2 = dot(zipLow(c, d), ones, s2);
    s3 = dot(zipHigh(c, d), ones, s3);
    v128.store(to, zipLow(a, b));
    v128.store(to, zipHigh(a, b), 16);
    v128.store(to, zipLow(c, d), 32);
    v128.store(to, zipHigh(c, d), 48);
  }
  v128.store(sums, i32x4.shl(s0, 13));
  v128.store(sums, i32x4.shl(s1, 13), 16);
  v128.store(sums, i32x4.shl(s2, 13), 32);
  v128.store(sums, i32x4.shl(s3, 13), 48);
  v128.store(sums, lowScales(v128.load(w)), 64);
  v128.store(sums, highScales(v128.load(w)), 80);
  v128.store(sums, lowScales(v128.load(w, 16)), 96);
  v128.store(sums, highScales(v128.load(w, 16)), 112);
}

/** One token and some interleaved groups. */
function passBy(w: usize, groups: i32, x: usize, scale: usize, out: usize): void {
  for (const end = w + <usize>groups * ZIPPED_BYTES; w < end; w += ZIPPED_BYTES - ZIPPED_SUMS, scale += 4) {
    let h0 = i32x4.splat(0);
    let h1 = h0;
    let h2 = h0;
    let h3 = h0;
    let l0 = h0;
    let l1 = h0;
    let l2 = h0;
    let l3 = h0;
    let next: usize = 4;
    for (const stop = w + ZIPPED_SUMS; w < stop; w += 64, x += next, next = 16 - next) {
      const lo = v128.load32_splat(x);
      const hi = v128.load32_splat(x, 8);
      const w0 = v128.load(w);
      l0 = dot(w0, lo, l0);
      h0 = dot(w0, hi, h0);
      const w1 = v128.load(w, 16);
      l1 = dot(w1, lo, l1);
      h1 = dot(w1, hi, h1);
      const w2 = v128.load(w, 32);
      l2 = dot(w2, lo, l2);
      h2 = dot(w2, hi, h2);
      const w3 = v128.load(w, 48);
      l3 = dot(w3, lo, l3);
      h3 = dot(w3, hi, h3);
    }
    const s = v128.load32_splat(scale);
    addScaled(out, joined(h0, l0, v128.load(w)), v128.load(w, 64), s);
    addScaled(out + 16, joined(h1, l1, v128.load(w, 16)), v128.load(w, 80), s);
    addScaled(out + 32, joined(h2, l2, v128.load(w, 32)), v128.load(w, 96), s);
    addScaled(out + 48, joined(h3, l3, v128.load(w, 48)), v128.load(w, 112), s);
  }
}
