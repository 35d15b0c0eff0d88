// Y = X Wᵀ for 1..T rows of X, by units of 32 rows of W. A phase may hold several products; their units are numbered
// through, and a thread does those that it claimed:
//
//   while (claimUnits(units(W.ATT_KEY) + units(W.ATT_VALUE))) {
//     product(W.ATT_KEY, buf.XK, buf.K);
//     product(W.ATT_VALUE, buf.XV, buf.V);
//   }
//
// A row is summed in one order whatever the number of tokens and threads.
import { FORMAT_INT8, SCRATCH_TILE, SCRATCH_WIDE, SLOT_BYTES, UNIT_ROWS } from "./abi";
import * as buf from "./buffers";
import * as formatF32 from "./formats/f32";
import * as formatInt8 from "./formats/int8";
import { blockBytes as int8BlockBytes } from "./formats/int8-block";
import { quantRow, quantStride, row, scratch, slots, stride } from "./layout";
import { argument, begin, claim, end } from "./pool";
import { integerBytes, quantiseColumns } from "./quantise";
import { STORE, storeTile } from "./store";

/** Bytes of a token's sums. */
const TILE_STRIDE: usize = UNIT_ROWS * 4;

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
  for (let unit = max(begin - cursor, 0); unit < last; unit++) multiply(matrix, unit, from, column, to, count, then);
  cursor += total;
}

/** One unit of rows for the first `count` tokens. */
function multiply(matrix: usize, unit: i32, from: i32, column: i32, to: i32, count: i32, then: i32): void {
  const at = <usize>unit * TILE_STRIDE;
  const dst = row(to, 0) + at;
  if (then == STORE) {
    dot(matrix, unit, from, column, count, dst, stride(to));
  } else {
    const tile = scratch + SCRATCH_TILE;
    dot(matrix, unit, from, column, count, tile, TILE_STRIDE);
    storeTile(tile, dst, row(buf.R, 0) + at, stride(to), count, then);
  }
  if (quantStride(to)) for (let t = 0; t < count; t++) quantiseColumns(to, t, unit * UNIT_ROWS, UNIT_ROWS);
}

/** out[t][32] = unit of rows · from[t]. The only switch on the format of packed weights. */
function dot(matrix: usize, unit: i32, from: i32, column: i32, count: i32, out: usize, outStride: usize): void {
  const weights = load<usize>(matrix);
  const cols = load<i32>(matrix, 12);
  switch (load<i32>(matrix, 4)) {
    case FORMAT_INT8: {
      const skipped = (<usize>column) << 1;
      // The scales of a row are 1/16 of its integers' bytes.
      const scales = integerBytes(quantStride(from)) - skipped + (skipped >> 4);
      const wide = scratch + SCRATCH_WIDE;
      const w = weights + <usize>unit * int8BlockBytes(cols);
      formatInt8.dot(w, cols, quantRow(from, 0) + skipped, scales, quantStride(from), count, out, outStride, wide);
      break;
    }
    default: {
      const x = row(from, 0) + ((<usize>column) << 2);
      const bytes = formatF32.blockBytes(cols);
      const w = weights + <usize>unit * 2 * bytes;
      formatF32.dot(w, cols, x, stride(from), count, out, outStride);
      formatF32.dot(w + bytes, cols, x, stride(from), count, out + 64, outStride);
    }
  }
}
