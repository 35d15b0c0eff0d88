// Products of int8 blocks with plain SIMD. Layout of a block: int8-block.ts; with relaxed SIMD: int8-relaxed.ts.
//
// The activations are integers too, with a scale per 32 values (quantise.ts). Sums of products within 32 columns are
// exact in 32 bits; each is multiplied by its two scales and added to the f32 total, in column order. So a row's result
// has the same bits for any number of tokens.
import { addRows, GROUP_BYTES, highScales, lowScales, SCALES } from "./int8-block";
import { pairs, STEP, WIDE_HALF } from "./pairs";

/** From this many tokens on, widening the weights once is cheaper than widening them for every two. */
const MANY: i32 = 16;

/**
 * out[t][32] += block · x[t] for `count` rows of integers, their scales and sums at `scale`, both `stride` bytes apart;
 * the rows of `out` are `outStride` bytes apart. `wide`: scratch for STEP widened groups (SCRATCH_WIDE).
 */
export function many(
  block: usize,
  groups: i32,
  x: usize,
  scale: usize,
  stride: usize,
  count: i32,
  out: usize,
  outStride: usize,
  wide: usize,
): void {
  const even = count & ~1;
  const last = <usize>even * stride;
  for (let g = 0; g < groups; g += STEP, block += <usize>STEP * GROUP_BYTES, x += STEP * 64, scale += STEP * 8) {
    const n = min(STEP, groups - g);
    // A few groups of weights stay in the L1 cache while all tokens pass.
    if (count >= MANY) {
      widen(block, n, wide);
      widen(block + 32, n, wide + WIDE_HALF);
      pairs(wide, n, x, scale, stride, even, out, outStride, true);
      pairs(wide + WIDE_HALF, n, x, scale, stride, even, out + 64, outStride, true);
    } else {
      pairs(block, n, x, scale, stride, even, out, outStride, false);
      pairs(block + 32, n, x, scale, stride, even, out + 64, outStride, false);
    }
    if (even < count) one(block, n, x + last, scale + last, out + <usize>even * outStride);
  }
}

/** Half the rows of some groups as pairs() reads them: 512 16-bit integers, 16 scales. */
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
 * out[32] += `groups` groups · x. Node 20 moves all loads of a loop body to its front; with eight of them the sums do
 * not stay in registers, and a fifth of the speed is lost. A never-taken exit between the halves keeps them apart.
 */
export function one(w: usize, groups: i32, x: usize, scale: usize, out: usize): void {
  const never = out;
  for (const end = w + <usize>groups * GROUP_BYTES; w < end; w += GROUP_BYTES - SCALES, scale += 8) {
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
    addRows(out, a0, a1, a2, a3, w, s);
    addRows(out + 64, b0, b1, b2, b3, w + 32, s);
  }
}
