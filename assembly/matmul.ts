// Y = X Wᵀ for 1..T rows of X, by units of 32 rows of W. A phase may hold several products; their units are numbered
// through, and a thread does those that it claimed:
//
//   while (claimUnits(units(ATT_KEY) + units(ATT_VALUE))) {
//     product(ATT_KEY, BUF_XK, BUF_K);
//     product(ATT_VALUE, BUF_XV, BUF_V);
//   }
//
// A row is summed in one order whatever the number of tokens and threads.
import { BLOCK_ROWS, BUF_R, FORMAT_INT8, SCRATCH_TILE, SCRATCH_WIDE, SLOT_BYTES, UNIT_ROWS } from "./abi";
import * as formatF32 from "./formats/f32";
import * as formatInt8 from "./formats/int8";
import { quantRow, quantStride, row, scratch, slots, stride } from "./model";
import { argument, begin, claim, end } from "./pool";
import { integerBytes, quantiseColumns } from "./quantise";
import { STORE, storeTile } from "./store";

/** Bytes of a token's 16 sums. */
const TILE_STRIDE: usize = 64;

/** Number of the next product's first unit within the phase. */
let cursor: i32 = 0;

export function claimUnits(total: i32): bool {
  cursor = 0;
  return claim(total);
}

/** Units of a matrix of the present layer; 0 if the model has none of that name. */
export function units(slot: i32): i32 {
  return unitsAt(slots + <usize>slot * SLOT_BYTES);
}

/** The same by the address of the slot. */
export function unitsAt(matrix: usize): i32 {
  return load<usize>(matrix) ? (load<i32>(matrix, 8) + UNIT_ROWS - 1) / UNIT_ROWS : 0;
}

/** to[t] = then(matrix · from[t]) for every row of the batch: the units of it that this thread claimed. */
export function product(slot: i32, from: i32, to: i32, then: i32 = STORE): void {
  productAt(slots + <usize>slot * SLOT_BYTES, from, 0, to, argument(0), then);
}

/** The same with the address of the matrix's slot, the first column of x, and the number of rows. */
export function productAt(matrix: usize, from: i32, column: i32, to: i32, count: i32, then: i32 = STORE): void {
  const total = unitsAt(matrix);
  const last = min(end - cursor, total);
  for (let unit = max(begin - cursor, 0); unit < last; unit++) multiply(matrix, unit, from, column, to, 0, count, then);
  cursor += total;
}

/** Rows [first, first + count) of to[t0..t1) = matrix · from: whole units, outside of any claim. */
export function productRows(slot: i32, first: i32, count: i32, from: i32, to: i32, t0: i32, t1: i32): void {
  const matrix = slots + <usize>slot * SLOT_BYTES;
  for (let unit = first / UNIT_ROWS; unit < (first + count) / UNIT_ROWS; unit++) {
    multiply(matrix, unit, from, 0, to, t0, t1, STORE);
  }
}

/** One unit of rows for the tokens [t0, t1). */
function multiply(matrix: usize, unit: i32, from: i32, column: i32, to: i32, t0: i32, t1: i32, then: i32): void {
  const tile = scratch + SCRATCH_TILE;
  for (let block = unit * 2; block < unit * 2 + 2; block++) {
    const at = (<usize>block * BLOCK_ROWS) << 2;
    const dst = row(to, t0) + at;
    if (then == STORE) {
      dot(matrix, block, from, column, t0, t1 - t0, dst, stride(to));
    } else {
      dot(matrix, block, from, column, t0, t1 - t0, tile, TILE_STRIDE);
      storeTile(tile, dst, row(BUF_R, t0) + at, stride(to), t1 - t0, then);
    }
  }
  if (quantStride(to)) for (let t = t0; t < t1; t++) quantiseColumns(to, t, unit * UNIT_ROWS, UNIT_ROWS);
}

/** out[t][16] = block of rows · from[t0 + t]. The only switch on the format of packed weights. */
function dot(
  matrix: usize,
  block: i32,
  from: i32,
  column: i32,
  t0: i32,
  count: i32,
  out: usize,
  outStride: usize,
): void {
  const weights = load<usize>(matrix);
  const cols = load<i32>(matrix, 12);
  switch (load<i32>(matrix, 4)) {
    case FORMAT_INT8: {
      const skipped = (<usize>column) << 1;
      // The scales of a row are 1/16 of its integers' bytes.
      const scales = integerBytes(quantStride(from)) - skipped + (skipped >> 4);
      const wide = scratch + SCRATCH_WIDE;
      const w = weights + <usize>block * formatInt8.blockBytes(cols);
      formatInt8.dot(w, cols, quantRow(from, t0) + skipped, scales, quantStride(from), count, out, outStride, wide);
      break;
    }
    default: {
      const w = weights + <usize>block * formatF32.blockBytes(cols);
      formatF32.dot(w, cols, row(from, t0) + ((<usize>column) << 2), stride(from), count, out, outStride);
    }
  }
}
