// What runs while a model is loaded: stored numbers to f32, f32 to packed weights, the recipe's functions.
import { BLOCK_ROWS, FOLD_EXP, FOLD_EXP_NEG_EXP, FOLD_NEG_EXP, FOLD_ONE_MINUS, FORMAT_INT8 } from "./abi";
import { decode, storedBytes } from "./dtypes";
import * as formatF32 from "./formats/f32";
import * as formatInt8 from "./formats/int8";
import { exp } from "./math";
import { argument, begin, claim, end, pointer } from "./pool";

/** Values that are decoded at a time; a multiple of every Q format's block. */
const RUN: i32 = 8192;

/** OP_DECODE(dst, src, dtype, count) */
export function decodeValues(): void {
  const dtype = argument(2);
  const count = argument(3);
  while (claim((count + RUN - 1) / RUN)) {
    const first = begin * RUN;
    const src = pointer(1) + storedBytes(dtype, first);
    decode(pointer(0) + ((<usize>first) << 2), src, dtype, min(end * RUN, count) - first);
  }
}

/** OP_PACK(dst, format, cols, src, row stride, column stride, first row, end row); `src` is where the first row is. */
export function packRows(): void {
  const cols = argument(2);
  const first = argument(6);
  const rows = argument(7) - first;
  while (claim((rows + BLOCK_ROWS - 1) / BLOCK_ROWS)) {
    for (let b = begin; b < end; b++) {
      const src = pointer(3) + ((<usize>(b * BLOCK_ROWS * argument(4))) << 2);
      packBlock(first / BLOCK_ROWS + b, cols, src, min(BLOCK_ROWS, rows - b * BLOCK_ROWS));
    }
  }
}

function packBlock(block: i32, cols: i32, src: usize, rows: i32): void {
  if (argument(1) == FORMAT_INT8) {
    const dst = pointer(0) + <usize>block * formatInt8.blockBytes(cols);
    formatInt8.pack(dst, cols, src, argument(4), argument(5), rows);
  } else {
    const dst = pointer(0) + <usize>block * formatF32.blockBytes(cols);
    formatF32.pack(dst, cols, src, argument(4), argument(5), rows);
  }
}

/** OP_PACK_Q8(dst, columns, src, bytes of a row, first row, end row); `src` is where the first row is. */
export function packQ8Rows(): void {
  const cols = argument(1);
  const rowBytes = <usize>argument(3);
  const first = argument(4);
  const rows = argument(5) - first;
  while (claim((rows + BLOCK_ROWS - 1) / BLOCK_ROWS)) {
    for (let b = begin; b < end; b++) {
      const dst = pointer(0) + <usize>(first / BLOCK_ROWS + b) * formatInt8.blockBytes(cols);
      const src = pointer(2) + <usize>(b * BLOCK_ROWS) * rowBytes;
      formatInt8.packQ8(dst, cols, src, rowBytes, min(BLOCK_ROWS, rows - b * BLOCK_ROWS));
    }
  }
}

/** OP_FOLD(pointer, count, function); `count` is a multiple of 4. */
export function fold(): void {
  const fn = argument(2);
  while (claim(1)) {
    const stop = pointer(0) + ((<usize>argument(1)) << 2);
    for (let at = pointer(0); at < stop; at += 16) {
      v128.store(at, apply(fn, v128.load(at)));
    }
  }
}

function apply(fn: i32, x: v128): v128 {
  switch (fn) {
    case FOLD_EXP:
      return exp(x);
    case FOLD_NEG_EXP:
      return f32x4.neg(exp(x));
    case FOLD_EXP_NEG_EXP:
      return exp(f32x4.neg(exp(x)));
    case FOLD_ONE_MINUS:
      return f32x4.sub(f32x4.splat(1), x);
    default:
      return x;
  }
}
