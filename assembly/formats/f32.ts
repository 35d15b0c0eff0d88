// f32 weights, "rows in lanes": a block of 32 rows is two halves of 16, each column by column, 64 bytes a column. The
// kernel reads a half as one straight run, multiplies each column by one value of x, and ends with 16 sums that need no
// horizontal addition.
//
// Sums are taken over 32 columns at a time and then added to the total: that is more accurate than one long chain, and
// the order is the same for one token and for two.

const CHUNK: i32 = 32;

/** Bytes of one block of 32 rows. */
// @ts-ignore: decorator
@inline
export function blockBytes(cols: i32): usize {
  return (<usize>cols) << 7;
}

/**
 * Packs one block: lane r, column c = src[r·rowStride + c·colStride], strides in values; rows from `rows` on are zero.
 */
export function pack(block: usize, cols: i32, src: usize, rowStride: i32, colStride: i32, rows: i32): void {
  packHalf(block, cols, src, rowStride, colStride, rows);
  const lower = src + ((<usize>(16 * rowStride)) << 2);
  packHalf(block + ((<usize>cols) << 6), cols, lower, rowStride, colStride, rows - 16);
}

function packHalf(block: usize, cols: i32, src: usize, rowStride: i32, colStride: i32, rows: i32): void {
  for (let c = 0; c < cols; c++, block += 64) {
    for (let r = 0; r < 16; r++) {
      const at = src + ((<usize>(r * rowStride + c * colStride)) << 2);
      store<f32>(block + ((<usize>r) << 2), r < rows ? load<f32>(at) : 0);
    }
  }
}

/** out[t][32] = block · x[t] for `count` rows x of `cols` values; rows of x and of out are this many bytes apart. */
export function dot(block: usize, cols: i32, x: usize, stride: usize, count: i32, out: usize, outStride: usize): void {
  dotHalf(block, cols, x, stride, count, out, outStride);
  dotHalf(block + ((<usize>cols) << 6), cols, x, stride, count, out + 64, outStride);
}

function dotHalf(w: usize, cols: i32, x: usize, stride: usize, count: i32, out: usize, outStride: usize): void {
  let t = 0;
  for (; t + 2 <= count; t += 2, x += stride * 2, out += outStride * 2) {
    dot2(w, cols, x, x + stride, out, out + outStride);
  }
  if (t < count) dot1(w, cols, x, out);
}

function dot1(w: usize, cols: i32, x: usize, out: usize): void {
  memory.fill(out, 0, 64);
  for (let left = cols; left > 0; left -= CHUNK) {
    let a0 = f32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    for (const end = x + ((<usize>min(left, CHUNK)) << 2); x < end; x += 4, w += 64) {
      const s = v128.load32_splat(x);
      a0 = f32x4.add(a0, f32x4.mul(v128.load(w), s));
      a1 = f32x4.add(a1, f32x4.mul(v128.load(w, 16), s));
      a2 = f32x4.add(a2, f32x4.mul(v128.load(w, 32), s));
      a3 = f32x4.add(a3, f32x4.mul(v128.load(w, 48), s));
    }
    accumulate(out, a0, a1, a2, a3);
  }
}

function dot2(w: usize, cols: i32, x: usize, y: usize, out: usize, out2: usize): void {
  memory.fill(out, 0, 64);
  memory.fill(out2, 0, 64);
  for (let left = cols; left > 0; left -= CHUNK) {
    let a0 = f32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    for (const end = x + ((<usize>min(left, CHUNK)) << 2); x < end; x += 4, y += 4, w += 64) {
      const s = v128.load32_splat(x);
      const u = v128.load32_splat(y);
      const w0 = v128.load(w);
      const w1 = v128.load(w, 16);
      const w2 = v128.load(w, 32);
      const w3 = v128.load(w, 48);
      a0 = f32x4.add(a0, f32x4.mul(w0, s));
      b0 = f32x4.add(b0, f32x4.mul(w0, u));
      a1 = f32x4.add(a1, f32x4.mul(w1, s));
      b1 = f32x4.add(b1, f32x4.mul(w1, u));
      a2 = f32x4.add(a2, f32x4.mul(w2, s));
      b2 = f32x4.add(b2, f32x4.mul(w2, u));
      a3 = f32x4.add(a3, f32x4.mul(w3, s));
      b3 = f32x4.add(b3, f32x4.mul(w3, u));
    }
    accumulate(out, a0, a1, a2, a3);
    accumulate(out2, b0, b1, b2, b3);
  }
}

// @ts-ignore: decorator
@inline
function accumulate(out: usize, a0: v128, a1: v128, a2: v128, a3: v128): void {
  v128.store(out, f32x4.add(v128.load(out), a0));
  v128.store(out, f32x4.add(v128.load(out, 16), a1), 16);
  v128.store(out, f32x4.add(v128.load(out, 32), a2), 32);
  v128.store(out, f32x4.add(v128.load(out, 48), a3), 48);
}
