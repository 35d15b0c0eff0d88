// Y = X Wᵀ for 1..T rows of X, by blocks of 16 rows of W. A phase may hold several products; their blocks are numbered
// through, and a thread does those that it claimed:
//
//   while (claimBlocks(blocks(ATT_KEY) + blocks(ATT_VALUE))) {
//     product(ATT_KEY, BUF_XK, BUF_K);
//     product(ATT_VALUE, BUF_XV, BUF_V);
//   }
//
// A row is summed in one order whatever the number of tokens and threads.
import { BLOCK_ROWS, BUF_R, FORMAT_F32, SCRATCH_TILE, SLOT_BYTES } from "./abi";
import * as formatF32 from "./formats/f32";
import { row, scratch, slots, stride } from "./model";
import { argument, begin, claim, end } from "./pool";
import { STORE, storeTile } from "./store";

/** Number of the next product's first block within the phase. */
let cursor: i32 = 0;

export function claimBlocks(units: i32): bool {
  cursor = 0;
  return claim(units);
}

/** Blocks of a matrix of the present layer; 0 if the model has none of that name. */
export function blocks(slot: i32): i32 {
  return blocksAt(slots + <usize>slot * SLOT_BYTES);
}

/** The same by the address of the slot. */
export function blocksAt(matrix: usize): i32 {
  return (rowsOf(matrix) + BLOCK_ROWS - 1) / BLOCK_ROWS;
}

/** to[t] = then(matrix · from[t]) for every row of the batch: the blocks of it that this thread claimed. */
export function product(slot: i32, from: i32, to: i32, then: i32 = STORE): void {
  productAt(slots + <usize>slot * SLOT_BYTES, from, 0, to, argument(0), then);
}

/** The same with the address of the matrix's slot, the first column of x, and the number of rows. */
export function productAt(matrix: usize, from: i32, column: i32, to: i32, count: i32, then: i32 = STORE): void {
  const total = blocksAt(matrix);
  const last = min(end - cursor, total);
  for (let block = max(begin - cursor, 0); block < last; block++) {
    multiply(matrix, block, from, column, to, 0, count, then);
  }
  cursor += total;
}

/** Rows [first, first + count) of to[t0..t1) = then(matrix · from): whole blocks, outside of any claim. */
export function productRows(slot: i32, first: i32, count: i32, from: i32, to: i32, t0: i32, t1: i32, then: i32): void {
  const matrix = slots + <usize>slot * SLOT_BYTES;
  for (let block = first / BLOCK_ROWS; block < (first + count) / BLOCK_ROWS; block++) {
    multiply(matrix, block, from, 0, to, t0, t1, then);
  }
}

/** One block of rows for the tokens [t0, t1). The only switch on the format. */
function multiply(matrix: usize, block: i32, from: i32, column: i32, to: i32, t0: i32, t1: i32, then: i32): void {
  const cols = load<i32>(matrix, 12);
  const x = row(from, t0) + (<usize>column << 2);
  const tile = scratch + SCRATCH_TILE;
  switch (load<i32>(matrix, 4)) {
    case FORMAT_F32: {
      const weights = load<usize>(matrix) + <usize>block * formatF32.blockBytes(cols);
      formatF32.dot(weights, cols, x, stride(from), t1 - t0, tile);
      break;
    }
  }
  const at = <usize>block << 6;
  storeTile(tile, row(to, t0) + at, row(BUF_R, t0) + at, stride(to), t1 - t0, then);
}

// @ts-ignore: decorator
@inline
function rowsOf(matrix: usize): i32 {
  return load<usize>(matrix) ? load<i32>(matrix, 8) : 0;
}
