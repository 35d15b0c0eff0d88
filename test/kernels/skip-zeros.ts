// Two ways to leave out the weights that meet a zero, beside the kernel that reads them all: what test/bench/zeros.ts
// measures. The module does not have them, because they do not pay (see ARCHITECTURE.md).
import { blockBytes, GROUP_BYTES, highScales, lowScales, SCALES } from "../../assembly/formats/int8-block";
import { one } from "../../assembly/formats/int8-dot";
import { addScaled, clear } from "../../assembly/formats/sums";

/** `blocks` blocks of 32 rows by one row of activations, as the module does it. */
export function all(w: usize, blocks: i32, cols: i32, x: usize, out: usize): void {
  const scales = (<usize>cols) << 1;
  for (let b = 0; b < blocks; b++, out += 128) {
    clear(out);
    one(w + <usize>b * blockBytes(cols), (cols + 31) >> 5, x, x + scales, out);
  }
}

/** The same weights in the same order; pairs of columns that meet two zeros are not looked at. */
export function inPlace(w: usize, blocks: i32, cols: i32, x: usize, out: usize): void {
  const size = blockBytes(cols);
  for (let b = 0; b < blocks; b++, w += size, out += 128) {
    memory.fill(out, 0, 128);
    block(w, w + size, x, x + ((<usize>cols) << 1), out);
  }
}

function block(w: usize, end: usize, x: usize, scale: usize, out: usize): void {
  for (; w < end; w += GROUP_BYTES, x += 64, scale += 8) {
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    for (let pairs = notZero(x); pairs; pairs &= pairs - 1) {
      const s = v128.load32_splat(x + (ctz(pairs) << 2));
      const at = w + (ctz(pairs) << 6);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v128.load8x8_s(at), s));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v128.load8x8_s(at, 8), s));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v128.load8x8_s(at, 16), s));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v128.load8x8_s(at, 24), s));
      if (at == out) break; // never: Node 20 keeps the sums in registers then, see formats/int8-dot.ts
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(v128.load8x8_s(at, 32), s));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(v128.load8x8_s(at, 40), s));
      b2 = i32x4.add(b2, i32x4.dot_i16x8_s(v128.load8x8_s(at, 48), s));
      b3 = i32x4.add(b3, i32x4.dot_i16x8_s(v128.load8x8_s(at, 56), s));
    }
    addEight(out, a0, a1, w + SCALES, scale);
    addEight(out + 32, a2, a3, w + SCALES + 16, scale);
    addEight(out + 64, b0, b1, w + SCALES + 32, scale);
    addEight(out + 96, b2, b3, w + SCALES + 48, scale);
  }
}

/**
 * Weights in another order: a pair of columns of all rows is one run of memory, the scales of 32 columns follow them.
 * `sums`: room for a sum a row.
 */
export function byColumns(w: usize, blocks: i32, cols: i32, x: usize, out: usize, sums: usize): void {
  const run = (<usize>blocks) << 6;
  let scale = x + ((<usize>cols) << 1);
  memory.fill(out, 0, run << 1);
  for (const end = w + <usize>blocks * blockBytes(cols); w < end; w += run * 17, x += 64, scale += 8) {
    memory.fill(sums, 0, run << 1);
    for (let pairs = notZero(x); pairs; pairs &= pairs - 1) {
      addRun(w + <usize>ctz(pairs) * run, run, v128.load32_splat(x + (ctz(pairs) << 2)), sums);
    }
    for (let at: usize = 0; at < run; at += 16) {
      const sum = sums + (at << 1);
      addEight(out + (at << 1), v128.load(sum), v128.load(sum, 16), w + run * 16 + at, scale);
    }
  }
}

function addRun(w: usize, bytes: usize, s: v128, sums: usize): void {
  for (const end = w + bytes; w < end; w += 32, sums += 64) {
    v128.store(sums, i32x4.add(v128.load(sums), i32x4.dot_i16x8_s(v128.load8x8_s(w), s)));
    v128.store(sums, i32x4.add(v128.load(sums, 16), i32x4.dot_i16x8_s(v128.load8x8_s(w, 8), s)), 16);
    v128.store(sums, i32x4.add(v128.load(sums, 32), i32x4.dot_i16x8_s(v128.load8x8_s(w, 16), s)), 32);
    v128.store(sums, i32x4.add(v128.load(sums, 48), i32x4.dot_i16x8_s(v128.load8x8_s(w, 24), s)), 48);
  }
}

/** A bit for each of 16 pairs of activations. */
// @ts-ignore: decorator
@inline
function notZero(x: usize): usize {
  return <usize>(four(x) | (four(x + 16) << 4) | (four(x + 32) << 8) | (four(x + 48) << 12));
}

// @ts-ignore: decorator
@inline
function four(x: usize): i32 {
  return i32x4.bitmask(i32x4.ne(v128.load(x), i32x4.splat(0)));
}

/** out[8] += sums · scales of the weights · scale of the activations. */
// @ts-ignore: decorator
@inline
function addEight(out: usize, low: v128, high: v128, weights: usize, scale: usize): void {
  const pair = v128.load(weights);
  const s = v128.load32_splat(scale);
  addScaled(out, low, lowScales(pair), s);
  addScaled(out + 16, high, highScales(pair), s);
}
