// The operations that load a model, by command. What they have to give is worked out value by value.
import {
  DTYPE_F16,
  DTYPE_Q4_1,
  FOLD_EXP,
  FOLD_EXP_NEG_EXP,
  FOLD_NEG_EXP,
  FOLD_ONE_MINUS,
  FORMAT_F32,
  OP_ADD_LOW_RANK,
  OP_DECODE,
  OP_FOLD,
  OP_PACK,
  UNIT_ROWS,
} from "../../assembly/abi";
import { decode, storedBytes } from "../../assembly/dtypes";
import { addLowRank, decodeValues, fold, packRows } from "../../assembly/loading";
import { command, joinAsOneOf } from "./command";
import { at, bits, copy, random, relative, reseed } from "./support";

describe("OP_DECODE", () => {
  it("decodes any number of values, in pieces, to what one call gives", () => {
    reseed(1);
    const COUNTS: i32[] = [1, 100, 8191, 8192, 8193, 40001];
    for (let threads = 1; threads <= 3; threads++) {
      joinAsOneOf(threads);
      for (let c = 0; c < COUNTS.length; c++) {
        expect(decodesLikeOneCall(DTYPE_F16, COUNTS[c])).toBe(true);
        expect(decodesLikeOneCall(DTYPE_Q4_1, (COUNTS[c] + 31) & ~31)).toBe(true);
      }
    }
  });
});

function decodesLikeOneCall(dtype: i32, count: i32): bool {
  const src = new StaticArray<u8>(<i32>storedBytes(dtype, count) + 1);
  for (let i = 0; i < src.length; i++) src[i] = <u8>bits();
  const got = random(count + 8);
  const want = copy(got);
  decode(at(want), changetype<usize>(src) + 1, dtype, count);
  command(OP_DECODE, [<i32>at(got), <i32>changetype<usize>(src) + 1, dtype, count]);
  decodeValues();
  return memory.compare(at(got), at(want), got.length << 2) == 0;
}

describe("OP_PACK", () => {
  it("packs a matrix piece by piece, from rows and from columns", () => {
    reseed(2);
    const ROWS: i32[] = [1, 16, 17, 32, 33, 48, 64, 101];
    for (let threads = 1; threads <= 3; threads++) {
      joinAsOneOf(threads);
      for (let r = 0; r < ROWS.length; r++) {
        expect(wrongWeights(ROWS[r], 33, false)).toBe(0);
        expect(wrongWeights(ROWS[r], 33, true)).toBe(0);
      }
    }
  });
});

/** Packs with two commands, the first of them for whole blocks, and counts what is not in its place. */
function wrongWeights(rows: i32, cols: i32, transposed: bool): i32 {
  const rowStride = transposed ? 1 : cols;
  const colStride = transposed ? rows : 1;
  const src = random(rows * cols);
  const units = (rows + UNIT_ROWS - 1) / UNIT_ROWS;
  const dst = random(units * UNIT_ROWS * cols + 4);
  const behind = dst[dst.length - 4];
  const split = (units / 2) * UNIT_ROWS;
  pack(dst, cols, src, rowStride, colStride, 0, split);
  pack(dst, cols, src, rowStride, colStride, split, rows);
  let wrong = dst[dst.length - 4] == behind ? 0 : 1;
  for (let r = 0; r < units * UNIT_ROWS; r++) {
    for (let c = 0; c < cols; c++) {
      const got = dst[((r / 16) * cols + c) * 16 + (r % 16)];
      if (got != (r < rows ? src[r * rowStride + c * colStride] : <f32>0)) wrong++;
    }
  }
  return wrong;
}

function pack(
  dst: StaticArray<f32>,
  cols: i32,
  src: StaticArray<f32>,
  rowStride: i32,
  colStride: i32,
  first: i32,
  stop: i32,
): void {
  const from = <i32>at(src, first * rowStride);
  command(OP_PACK, [<i32>at(dst), FORMAT_F32, cols, from, rowStride, colStride, first, stop]);
  packRows();
}

describe("OP_ADD_LOW_RANK", () => {
  it("adds one rank after the other, in f32, to every row and no further", () => {
    reseed(4);
    const ROWS: i32[] = [1, 3, 32, 65];
    const COLS: i32[] = [1, 4, 33, 64];
    const RANKS: i32[] = [1, 3, 16];
    for (let threads = 1; threads <= 3; threads++) {
      joinAsOneOf(threads);
      for (let r = 0; r < ROWS.length; r++) {
        for (let c = 0; c < COLS.length; c++) {
          for (let k = 0; k < RANKS.length; k++) expect(wrongSums(ROWS[r], COLS[c], RANKS[k])).toBe(0);
        }
      }
    }
  });
});

function wrongSums(rows: i32, cols: i32, rank: i32): i32 {
  const w = random(rows * cols + 4);
  const want = copy(w);
  const a = random(rank * cols);
  const b = random(rows * rank);
  command(OP_ADD_LOW_RANK, [<i32>at(w), rows, cols, <i32>at(a), <i32>at(b), rank]);
  addLowRank();
  for (let i = 0; i < rows * cols; i++) {
    for (let k = 0; k < rank; k++) want[i] = want[i] + b[(i / cols) * rank + k] * a[k * cols + (i % cols)];
  }
  let wrong = 0;
  for (let i = 0; i < w.length; i++) if (w[i] != want[i]) wrong++;
  return wrong;
}

describe("OP_FOLD", () => {
  it("applies each function, within 5e-7 where two exponentials follow one another", () => {
    reseed(3);
    joinAsOneOf(2);
    const COUNTS: i32[] = [4, 12, 1000];
    for (let fn = FOLD_EXP; fn <= FOLD_ONE_MINUS; fn++) {
      for (let c = 0; c < COUNTS.length; c++) expect(foldError(fn, COUNTS[c])).toBeLessThan(5e-7);
    }
  });
});

function foldError(fn: i32, n: i32): f64 {
  const x = random(n + 4, -6, 2);
  const before = copy(x);
  command(OP_FOLD, [<i32>at(x), n, fn]);
  fold();
  let error: f64 = memory.compare(at(x, n), at(before, n), 16) == 0 ? 0 : Infinity;
  for (let i = 0; i < n; i++) error = max(error, relative(x[i], folded(fn, before[i])));
  return error;
}

function folded(fn: i32, x: f64): f64 {
  if (fn == FOLD_EXP) return Math.exp(x);
  if (fn == FOLD_NEG_EXP) return -Math.exp(x);
  if (fn == FOLD_EXP_NEG_EXP) return Math.exp(-Math.exp(x));
  return 1 - x;
}
