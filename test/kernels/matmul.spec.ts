// Products of f32 matrices through the model table: how the units of several matrices are numbered through, which rows
// and columns a call reads and writes. The sums themselves: f32.spec.ts.
import {
  ATT_KEY,
  ATT_OUTPUT,
  ATT_VALUE,
  BUF_HIDDEN,
  BUF_K,
  BUF_R,
  BUF_V,
  BUF_X,
  BUFFERS,
  FFN_KEY,
  FORMAT_F32,
  LAYER_SLOTS,
  SCRATCH_HEAD,
  SLOT_BYTES,
  TABLE,
  TABLE_BUFFERS,
  TABLE_HEAD_SIZE,
  TABLE_SCRATCH,
  TABLE_SLOTS,
  TABLE_SLOTS_PER_LAYER,
  UNIT_ROWS,
} from "../../assembly/abi";
import { pack } from "../../assembly/formats/f32";
import { claimUnits, product, productAt, productRows, units } from "../../assembly/matmul";
import { enter, open, slots } from "../../assembly/model";
import { end } from "../../assembly/pool";
import { ADD_GATED, STORE } from "../../assembly/store";
import { command, joinAsOneOf } from "./command";
import { at, copy, random, reseed, rowError, sameBits } from "./support";

const TOKENS: i32 = 5;
/** Values of a row in every buffer. */
const STRIDE: i32 = 104;
const COLS: i32 = 40;
/** The present layer; the slots of the one before are never filled. */
const LAYER: i32 = 1;

const LIMIT: f64 = 5e-7;

const scratch = new StaticArray<u8>(SCRATCH_HEAD);
const slotWords = new StaticArray<i32>((2 * LAYER_SLOTS * SLOT_BYTES) / 4);
const bufferWords = new StaticArray<i32>(BUFFERS * 4);
const buffers = new Array<StaticArray<f32>>();
const matrices = new Array<StaticArray<f32>>();

function table(word: i32, value: usize): void {
  store<usize>(TABLE + word * 4, value);
}

/** The model table with random buffers, without matrices, and a command for `count` rows. */
function begin(threads: i32, count: i32): void {
  table(TABLE_HEAD_SIZE, UNIT_ROWS);
  table(TABLE_SCRATCH, changetype<usize>(scratch));
  table(TABLE_BUFFERS, changetype<usize>(bufferWords));
  table(TABLE_SLOTS, changetype<usize>(slotWords));
  table(TABLE_SLOTS_PER_LAYER, LAYER_SLOTS);
  slotWords.fill(0);
  matrices.length = 0;
  for (let slot = 0; slot < LAYER_SLOTS; slot++) matrices.push(random(0));
  buffers.length = 0;
  for (let b = 0; b < BUFFERS; b++) {
    buffers.push(random(STRIDE * TOKENS));
    bufferWords[b * 4] = <i32>at(buffers[b]);
    bufferWords[b * 4 + 1] = STRIDE * 4;
  }
  joinAsOneOf(threads);
  open();
  enter(LAYER);
  command(1, [count]);
}

/** Puts a random matrix of rows × COLS values into a slot of the present layer. */
function matrix(slot: i32, rows: i32): void {
  const values = random(rows * COLS);
  const blocks = ((rows + UNIT_ROWS - 1) / UNIT_ROWS) * 2;
  const packed = new StaticArray<f32>(blocks * 16 * COLS);
  for (let b = 0; b < blocks; b++) {
    const left = min(16, rows - b * 16);
    if (left > 0) pack(at(packed, b * 16 * COLS), COLS, at(values, b * 16 * COLS), COLS, 1, left);
  }
  matrices[slot] = values;
  store<usize>(slotAt(slot), at(packed));
  store<i32>(slotAt(slot), FORMAT_F32, 4);
  store<i32>(slotAt(slot), rows, 8);
  store<i32>(slotAt(slot), COLS, 12);
}

function slotAt(slot: i32): usize {
  return slots + slot * SLOT_BYTES;
}

/** Row `row` of the matrix times the token's values from `column` on. */
function twin(slot: i32, from: i32, column: i32, t: i32, row: i32): f64 {
  let sum: f64 = 0;
  for (let c = 0; c < COLS; c++) {
    sum += <f64>matrices[slot][row * COLS + c] * <f64>buffers[from][t * STRIDE + column + c];
  }
  return sum;
}

/** What a buffer has to hold after rows [first, stop) of a matrix were multiplied with tokens [t0, t1). */
function wanted(
  before: StaticArray<f32>,
  slot: i32,
  from: i32,
  column: i32,
  first: i32,
  stop: i32,
  t0: i32,
  t1: i32,
  then: i32,
): StaticArray<f64> {
  const want = new StaticArray<f64>(before.length);
  for (let i = 0; i < before.length; i++) want[i] = before[i];
  for (let t = t0; t < t1; t++) {
    for (let row = first; row < stop; row++) {
      const i = t * STRIDE + row;
      const x = twin(slot, from, column, t, row);
      want[i] = then == ADD_GATED ? <f64>before[i] + <f64>buffers[BUF_R][i] * x : x;
    }
  }
  return want;
}

describe("products of one phase", () => {
  it("are all done, however the units are cut, and the next matrix's are its own", () => {
    reseed(1);
    for (let threads = 1; threads <= 4; threads++) {
      for (let count = 1; count <= TOKENS; count++) {
        begin(threads, count);
        matrix(ATT_KEY, 64);
        matrix(FFN_KEY, 96);
        matrix(ATT_OUTPUT, 32);
        // A missing matrix has no pointer, whatever else its slot says.
        store<i32>(slotAt(ATT_VALUE), 64, 8);
        const k = copy(buffers[BUF_K]);
        const hidden = copy(buffers[BUF_HIDDEN]);
        const v = copy(buffers[BUF_V]);
        expect(units(ATT_KEY) + units(ATT_VALUE) + units(FFN_KEY) + units(ATT_OUTPUT)).toBe(2 + 0 + 3 + 1);
        let early = 0;
        while (claimUnits(6)) {
          product(ATT_KEY, BUF_X, BUF_K);
          product(ATT_VALUE, BUF_X, BUF_X);
          product(FFN_KEY, BUF_X, BUF_HIDDEN, ADD_GATED);
          product(ATT_OUTPUT, BUF_X, BUF_V);
          // Units are numbered through: the first five are not of the last matrix.
          if (end <= 5 && !sameBits(buffers[BUF_V], v)) early++;
        }
        expect(early).toBe(0);
        expect(rowError(buffers[BUF_K], wanted(k, ATT_KEY, BUF_X, 0, 0, 64, 0, count, STORE))).toBeLessThan(LIMIT);
        const gated = wanted(hidden, FFN_KEY, BUF_X, 0, 0, 96, 0, count, ADD_GATED);
        expect(rowError(buffers[BUF_HIDDEN], gated)).toBeLessThan(LIMIT);
        expect(rowError(buffers[BUF_V], wanted(v, ATT_OUTPUT, BUF_X, 0, 0, 32, 0, count, STORE))).toBeLessThan(LIMIT);
      }
    }
  });
});

describe("productAt", () => {
  it("starts at a column of x, and takes a number of rows of its own", () => {
    reseed(2);
    for (let column = 0; column <= 64; column += 32) {
      begin(1, 1);
      matrix(ATT_KEY, 64);
      const before = copy(buffers[BUF_K]);
      while (claimUnits(units(ATT_KEY))) productAt(slotAt(ATT_KEY), BUF_X, column, BUF_K, 3);
      const want = wanted(before, ATT_KEY, BUF_X, column, 0, 64, 0, 3, STORE);
      expect(rowError(buffers[BUF_K], want)).toBeLessThan(LIMIT);
    }
  });
  it("leaves zeros for the rows that a last unit lacks", () => {
    reseed(3);
    begin(1, 2);
    matrix(ATT_KEY, 41);
    const before = copy(buffers[BUF_K]);
    for (let t = 0; t < 2; t++) for (let row = 41; row < 64; row++) before[t * STRIDE + row] = 0;
    while (claimUnits(units(ATT_KEY))) product(ATT_KEY, BUF_X, BUF_K);
    const want = wanted(before, ATT_KEY, BUF_X, 0, 0, 41, 0, 2, STORE);
    expect(rowError(buffers[BUF_K], want)).toBeLessThan(LIMIT);
  });
});

describe("productRows", () => {
  it("does the units asked for, for the tokens asked for", () => {
    reseed(4);
    for (let first = 0; first < 96; first += 32) {
      for (let t0 = 0; t0 < TOKENS; t0++) {
        begin(1, TOKENS);
        matrix(ATT_KEY, 96);
        const before = copy(buffers[BUF_K]);
        productRows(ATT_KEY, first, 32, BUF_X, BUF_K, t0, TOKENS);
        const want = wanted(before, ATT_KEY, BUF_X, 0, first, first + 32, t0, TOKENS, STORE);
        expect(rowError(buffers[BUF_K], want)).toBeLessThan(LIMIT);
      }
    }
  });
});
