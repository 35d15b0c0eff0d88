// Y = X Wᵀ for 1..T rows of X, by units of 32 rows of W. A phase may contain several products; their units are numbered
// consecutively, and a thread computes those it claimed:
//
//   while (claimUnits(units(W.ATT_KEY) + units(W.ATT_VALUE))) {
//     product(W.ATT_KEY, buf.XK, buf.K);
//     product(W.ATT_VALUE, buf.XV, buf.V);
//   }
//
// A row is summed in the same order for any number of tokens and threads.
import { SCRATCH_TILE, SLOT_BYTES, UNIT_ROWS } from "./abi";
import * as buf from "./buffers";
import { blockBytes, dot, takesTurns } from "./formats/weights";
import { quantStride, row, scratch, slots, streams, stride } from "./layout";
import { argument, begin, claim, end } from "./pool";
import { quantiseColumns } from "./quantise";
import { STORE, storeTile } from "./store";

/** Bytes of a token's sums. */
const TILE_STRIDE: usize = UNIT_ROWS * 4;

/** Number of the next product's first unit within the phase. */
let cursor: i32 = 0;

export function claimUnits(total: i32): bool {
  cursor = 0;
  return claim(total);
}

/** Units of a matrix of the current layer; 0 if the model does not have it. */
export function units(slot: i32): i32 {
  return unitsAt(slots + <usize>slot * SLOT_BYTES);
}

/** The same by the address of the slot. */
export function unitsAt(matrix: usize): i32 {
  return load<usize>(matrix) ? (load<i32>(matrix, 8) + UNIT_ROWS - 1) / UNIT_ROWS : 0;
}

/** to[t] = then(matrix · from[t]) for every row of the batch: the units that this thread claimed. */
export function product(slot: i32, from: i32, to: i32, then: i32 = STORE): void {
  productAt(slots + <usize>slot * SLOT_BYTES, from, 0, to, argument(0), then);
}

/** The same with the address of the matrix's slot, the first column of x, and the number of rows. */
export function productAt(matrix: usize, from: i32, column: i32, to: i32, count: i32, then: i32 = STORE): void {
  const total = unitsAt(matrix);
  const last = min(end - cursor, total);
  const together = takesTurns(load<i32>(matrix, 4), count) ? streams() : 1;
  for (let unit = max(begin - cursor, 0), n = 1; unit < last; unit += n) {
    n = unit + together <= last ? together : 1;
    multiply(matrix, unit, n, from, column, to, count, then);
  }
  cursor += total;
}

/** `n` units of rows for the first `count` tokens; more than one unit only for one token. */
export function multiply(
  matrix: usize,
  unit: i32,
  n: i32,
  from: i32,
  column: i32,
  to: i32,
  count: i32,
  then: i32,
): void {
  if (!ASC_NO_ASSERT) assert(unit >= 0 && unit + n <= unitsAt(matrix), "unit outside the matrix");
  const at = <usize>unit * TILE_STRIDE;
  const dst = row(to, 0) + at;
  if (then == STORE) {
    multiplyTo(matrix, unit, n, from, column, count, dst, stride(to), TILE_STRIDE);
  } else {
    const tile = scratch + SCRATCH_TILE;
    const bytes = <usize>count * TILE_STRIDE;
    multiplyTo(matrix, unit, n, from, column, count, tile, TILE_STRIDE, bytes);
    for (let i: usize = 0; i < <usize>n; i++) {
      const skip = i * TILE_STRIDE;
      storeTile(tile + i * bytes, dst + skip, row(buf.R, 0) + at + skip, stride(to), count, then);
    }
  }
  if (quantStride(to)) for (let t = 0; t < count; t++) quantiseColumns(to, t, unit * UNIT_ROWS, n * UNIT_ROWS);
}

/** out[unit][t][32] = units of rows · from[t] */
function multiplyTo(
  matrix: usize,
  unit: i32,
  n: i32,
  from: i32,
  column: i32,
  count: i32,
  out: usize,
  outStride: usize,
  unitStride: usize,
): void {
  const format = load<i32>(matrix, 4);
  const cols = load<i32>(matrix, 12);
  const block = load<usize>(matrix) + <usize>unit * blockBytes(format, cols);
  dot(format, block, n, cols, from, column, count, out, outStride, unitStride);
}
