// Used while a model is loaded: stored numbers to f32, f32 to packed weights, the recipe's functions.
import { FOLD_EXP, FOLD_EXP_NEG_EXP, FOLD_NEG_EXP, FOLD_ONE_MINUS, UNIT_ROWS } from "./abi";
import { decode, storedBytes } from "./dtypes";
import { arrange, blockBytes, pack, packStored } from "./formats/weights";
import { exp } from "./math";
import { argument, begin, claim, end, pointer } from "./pool";

/** Values decoded at a time; a multiple of every Q format's block. */
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

/**
 * OP_PACK(dst, format, cols, src, row stride, column stride, first row, end row); `src` is the address of the first
 * row.
 */
export function packRows(): void {
  const cols = argument(2);
  const first = argument(6);
  const rows = argument(7) - first;
  while (claim((rows + UNIT_ROWS - 1) / UNIT_ROWS)) {
    for (let u = begin; u < end; u++) {
      const src = pointer(3) + ((<usize>(u * UNIT_ROWS * argument(4))) << 2);
      pack(argument(1), unitAt(first, u), cols, src, argument(4), argument(5), min(UNIT_ROWS, rows - u * UNIT_ROWS));
    }
  }
}

/**
 * OP_PACK_STORED(dst, format, columns, src, bytes of a row, first row, end row); `src` is the address of the first row.
 */
export function packStoredRows(): void {
  const rowBytes = <usize>argument(4);
  const first = argument(5);
  const rows = argument(6) - first;
  while (claim((rows + UNIT_ROWS - 1) / UNIT_ROWS)) {
    for (let u = begin; u < end; u++) {
      const src = pointer(3) + <usize>(u * UNIT_ROWS) * rowBytes;
      packStored(argument(1), unitAt(first, u), argument(2), src, rowBytes, min(UNIT_ROWS, rows - u * UNIT_ROWS));
    }
  }
}

/** OP_ARRANGE(dst, format, columns, rows) */
export function arrangeRows(): void {
  while (claim((argument(3) + UNIT_ROWS - 1) / UNIT_ROWS)) {
    for (let u = begin; u < end; u++) arrange(argument(1), unitAt(0, u), argument(2));
  }
}

/** Block `u`, counted from row `first`, of a command's matrix (dst, format, columns). */
function unitAt(first: i32, u: i32): usize {
  return pointer(0) + <usize>(first / UNIT_ROWS + u) * blockBytes(argument(1), argument(2));
}

/** OP_ADD_LOW_RANK(dst, rows, columns, A [rank][columns], B [rows][rank], rank) */
export function addLowRank(): void {
  const cols = argument(2);
  const rank = argument(5);
  while (claim(argument(1))) {
    for (let row = begin; row < end; row++) {
      const dst = pointer(0) + ((<usize>(row * cols)) << 2);
      const b = pointer(4) + ((<usize>(row * rank)) << 2);
      for (let k = 0; k < rank; k++) {
        addScaled(dst, pointer(3) + ((<usize>(k * cols)) << 2), load<f32>(b + ((<usize>k) << 2)), cols);
      }
    }
  }
}

/** dst[0..count) += factor · src */
function addScaled(dst: usize, src: usize, factor: f32, count: i32): void {
  const f = f32x4.splat(factor);
  let i: usize = 0;
  for (const whole = (<usize>(count & ~3)) << 2; i < whole; i += 16) {
    v128.store(dst + i, f32x4.add(v128.load(dst + i), f32x4.mul(f, v128.load(src + i))));
  }
  for (; i < (<usize>count) << 2; i += 4) store<f32>(dst + i, load<f32>(dst + i) + factor * load<f32>(src + i));
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
