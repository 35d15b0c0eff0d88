// The formats of packed weights: the only switch on FORMAT_... A format packs blocks of 32 rows, and multiplies them.
import { FORMAT_F32, FORMAT_INT4, FORMAT_INT8, SCRATCH_TILE, SCRATCH_WIDE } from "../abi";
import { quantRow, quantStride, row, scratch, stride } from "../layout";
import { bytesAt, eightBits, integersAt } from "../quantise";
import { fused, RELAXED } from "../simd";
import * as f32Weights from "./f32";
import * as int4Block from "./int4-block";
import * as int4 from "./int4-dot";
import * as int4Pack from "./int4-pack";
import * as int4Relaxed from "./int4-relaxed";
import * as int8Block from "./int8-block";
import * as int8 from "./int8-dot";
import * as int8Pack from "./int8-pack";
import * as int8Relaxed from "./int8-relaxed";
import { clearRows } from "./sums";

/** Bytes of one block of 32 rows. */
export function blockBytes(format: i32, cols: i32): usize {
  switch (format) {
    case FORMAT_INT8:
      return int8Block.blockBytes(cols);
    case FORMAT_INT4:
      return int4Block.blockBytes(cols);
    default:
      return f32Weights.blockBytes(cols);
  }
}

/**
 * Packs one block from f32: lane r, column c = src[r·rowStride + c·colStride], strides in values; missing rows are
 * zero.
 */
export function pack(
  format: i32,
  block: usize,
  cols: i32,
  src: usize,
  rowStride: i32,
  colStride: i32,
  rows: i32,
): void {
  switch (format) {
    case FORMAT_INT8:
      int8Pack.pack(block, cols, src, rowStride, colStride, rows);
      break;
    case FORMAT_INT4:
      int4Pack.pack(block, cols, src, rowStride, colStride, rows, scratch + SCRATCH_TILE);
      break;
    default:
      f32Weights.pack(block, cols, src, rowStride, colStride, rows);
  }
}

/** Packs one block from rows stored in the type that the format keeps exactly: Q8_0 or Q4_0. */
export function packStored(format: i32, block: usize, cols: i32, src: usize, rowBytes: usize, rows: i32): void {
  if (format == FORMAT_INT8) int8Pack.packQ8(block, cols, src, rowBytes, rows);
  else int4Pack.packQ4(block, cols, src, rowBytes, rows, scratch + SCRATCH_TILE);
}

/** Reorders a packed block for this machine's kernels. */
export function arrange(format: i32, block: usize, cols: i32): void {
  if (!RELAXED) return;
  if (format == FORMAT_INT4) int4Block.arrange(block, cols);
  else if (format == FORMAT_INT8 && fused()) int8Relaxed.arrange(block, cols);
}

/** Groups of a block that many tokens pass by before the next ones are read: they stay in the first cache. */
const STEP: i32 = 8;

/** Whether so many tokens gain by taking several blocks in turn: one does, for two and four it is the same, eight lose. */
// @ts-ignore: decorator
@inline
export function takesTurns(format: i32, count: i32): bool {
  return format != FORMAT_F32 && count == 1;
}

/**
 * out[block][t][32] = block · from[t] for `count` rows of a buffer, its columns from `column` on. A token's sums are
 * `outStride` bytes after those of the one before, a block's `blockStride` bytes.
 *
 * For one token, several quantised blocks go in turn, a group of each: while one stream of memory is computed with, the
 * others are on their way. f32 has one block.
 */
export function dot(
  format: i32,
  block: usize,
  blocks: i32,
  cols: i32,
  from: i32,
  column: i32,
  count: i32,
  out: usize,
  outStride: usize,
  blockStride: usize,
): void {
  if (format == FORMAT_F32) {
    f32Weights.dot(block, cols, row(from, 0) + ((<usize>column) << 2), stride(from), count, out, outStride);
    return;
  }
  if (!ASC_NO_ASSERT) assert(blocks == 1 || count == 1, "blocks in turn for several tokens");
  const bytes = blockBytes(format, cols);
  const groupBytes = blockBytes(format, 32);
  const step = integerBytes(format) << 5;
  const rowBytes = quantStride(from);
  let x = integers(format, from, column);
  let scale = quantRow(from, 0) + ((<usize>column) >> 2);
  const end = out + <usize>blocks * blockStride;
  for (let to = out; to < end; to += blockStride) clearRows(to, outStride, count);
  const groups: usize = blocks > 1 ? 1 : STEP;
  for (let left: usize = (cols + 31) >> 5; left > 0;) {
    const n = min(left, groups);
    let w = block;
    for (let to = out; to < end; to += blockStride, w += bytes) {
      if (blocks > 1) addGroup(format, w, x, scale, to);
      else addGroups(format, w, n, x, scale, rowBytes, count, to, outStride);
    }
    left -= n;
    block += n * groupBytes;
    x += n * step;
    scale += n << 3;
  }
  if (format == FORMAT_INT4) {
    for (let to = out; to < end; to += blockStride) int4Block.finish(to, outStride, count);
  }
}

/** Whether a format's kernel reads activations as bytes, rather than 16 bits. */
// @ts-ignore: decorator
@inline
function readsBytes(format: i32): bool {
  return RELAXED && eightBits() && (format == FORMAT_INT4 || fused());
}

// @ts-ignore: decorator
@inline
function integerBytes(format: i32): usize {
  return readsBytes(format) ? 1 : 2;
}

/** The integers of a buffer's first row, from `column` on. */
// @ts-ignore: decorator
@inline
function integers(format: i32, buffer: i32, column: i32): usize {
  if (readsBytes(format)) return bytesAt(buffer, 0) + <usize>column;
  return integersAt(buffer, 0) + ((<usize>column) << 1);
}

/** out[32] += group · x. Decoding is 5 % faster by a call with few arguments for each group. */
// @ts-ignore: decorator
@inline
function addGroup(format: i32, w: usize, x: usize, scale: usize, out: usize): void {
  if (format == FORMAT_INT4) {
    if (RELAXED) int4Relaxed.addGroup(w, x, scale, out);
    else int4.addGroup(w, x, scale, out);
  } else if (fused()) int8Relaxed.addGroup(w, x, scale, out, eightBits());
  else int8.addGroup(w, x, scale, out);
}

/** out[t][32] += groups · x[t] */
function addGroups(
  format: i32,
  w: usize,
  groups: usize,
  x: usize,
  scale: usize,
  rowBytes: usize,
  count: i32,
  out: usize,
  outStride: usize,
): void {
  const wide = scratch + SCRATCH_WIDE;
  if (format == FORMAT_INT4) {
    if (RELAXED) int4Relaxed.addGroups(w, groups, x, scale, rowBytes, count, out, outStride, wide);
    else int4.addGroups(w, groups, x, scale, rowBytes, count, out, outStride, wide);
  } else if (fused()) int8Relaxed.addGroups(w, groups, x, scale, rowBytes, count, out, outStride, eightBits());
  else int8.addGroups(w, groups, x, scale, rowBytes, count, out, outStride, wide);
}
