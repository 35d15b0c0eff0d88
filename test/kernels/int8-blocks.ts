// What the specs of int8 weights share: blocks, read one value after the other by the place that the format gives it.
import { pack } from "../../assembly/formats/int8-pack";
import { decodeScale, encodeScale } from "../../assembly/formats/int8-block";
import { at, bits, random } from "./support";

/** Columns around whole groups of 32. */
export const COLUMNS: i32[] = [1, 2, 31, 32, 33, 63, 100, 255, 256, 257, 289, 513, 1000];
/** Half a scale, plus the rounding of its inverse and of a product. */
const STEP_LIMIT: f64 = 0.5 + (2 * 127.0) / 16777216.0;
/** A scale has 11 binary digits: half of its last one away from largest / 127, ±127 are up to 127/2048 too small. */
const TOP_LIMIT: f64 = STEP_LIMIT + 127.0 / 2048.0;
/** Bytes behind a block, which nothing may change. */
export const BEHIND: i32 = 16;

/** Integer of row `r`, column `c`. */
export function integer(block: usize, r: i32, c: i32): i32 {
  return load<i8>(block + (c / 32) * 1088 + ((c % 32) / 2) * 64 + r * 2 + (c % 2));
}

/** Scale of row `r` in the group of column `c`. */
export function scale(block: usize, r: i32, c: i32): f32 {
  const place = (r / 8) * 8 + (r % 4) * 2 + (r % 8) / 4;
  return decodeScale(load<u16>(block + (c / 32) * 1088 + 1024 + place * 2));
}

export function address(bytes: StaticArray<u8>): usize {
  return changetype<usize>(bytes);
}

export function randomBytes(n: i32): StaticArray<u8> {
  const bytes = new StaticArray<u8>(n);
  for (let i = 0; i < n; i++) bytes[i] = <u8>bits();
  return bytes;
}

/** Room for a block, and some bytes behind it. */
export function emptyBlock(cols: i32): StaticArray<u8> {
  return randomBytes(groups(cols) * 1088 + BEHIND);
}

export function groups(cols: i32): i32 {
  return (cols + 31) / 32;
}

/** The last bytes of both are the same. */
export function sameBehind(a: StaticArray<u8>, b: StaticArray<u8>): bool {
  return memory.compare(address(a) + a.length - BEHIND, address(b) + b.length - BEHIND, BEHIND) == 0;
}

export function sameBytes(a: StaticArray<u8>, b: StaticArray<u8>): bool {
  return a.length == b.length && memory.compare(address(a), address(b), a.length) == 0;
}

/** Integers and scales of rows and columns that the matrix lacks, which have to be zero and are not. */
export function wrongPadding(block: usize, cols: i32, rows: i32): i32 {
  let wrong = 0;
  for (let c = 0; c < groups(cols) * 32; c++) {
    for (let r = 0; r < 32; r++) {
      if ((r >= rows || c >= cols) && integer(block, r, c) != 0) wrong++;
      if (r >= rows && reinterpret<u32>(scale(block, r, c)) != 0) wrong++;
    }
  }
  return wrong;
}

/**
 * A block of random weights, the groups' sizes some powers of two apart, packed from rows that lie `spare` values apart
 * or from columns that do.
 */
export function packed(cols: i32, rows: i32, spare: i32, transposed: bool): StaticArray<u8> {
  const rowStride = transposed ? 1 : cols + spare;
  const colStride = transposed ? rows + spare : 1;
  const src = random(rows * rowStride + cols * colStride);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) src[r * rowStride + c * colStride] *= <f32>(1 << ((r + c / 32) % 4));
  }
  const block = emptyBlock(cols);
  const before = StaticArray.slice<u8>(block);
  pack(address(block), cols, at(src), rowStride, colStride, rows);
  expect(sameBehind(block, before)).toBe(true);
  expect(wrongPadding(address(block), cols, rows)).toBe(0);
  expect(wrongWeights(address(block), cols, src, rowStride, colStride, rows)).toBe(0);
  return block;
}

/** Scales that are not the nearest to largest / 127, integers beyond ±127, and values further from theirs than half a step. */
export function wrongWeights(
  block: usize,
  cols: i32,
  src: StaticArray<f32>,
  rowStride: i32,
  colStride: i32,
  rows: i32,
): i32 {
  let wrong = 0;
  for (let r = 0; r < rows; r++) {
    for (let g = 0; g < cols; g += 32) {
      const stop = min(cols, g + 32);
      let largest: f32 = 0;
      for (let c = g; c < stop; c++) largest = max(largest, abs(src[r * rowStride + c * colStride]));
      const s = scale(block, r, g);
      if (s != decodeScale(encodeScale(largest / 127))) wrong++;
      for (let c = g; c < stop; c++) {
        const q = integer(block, r, c);
        if (q < -127) wrong++;
        const x = <f64>src[r * rowStride + c * colStride];
        if (abs(x - <f64>q * <f64>s) > (abs(q) == 127 ? TOP_LIMIT : STEP_LIMIT) * <f64>s) wrong++;
      }
    }
  }
  return wrong;
}
