// Products through the model table: how the units of several matrices are numbered through, which rows and columns a
// call reads and writes, also of the buffers' quantised twins. The sums themselves: f32.spec.ts, int8-dot.spec.ts, int4-dot.spec.ts.
import {
  FORMAT_F32,
  FORMAT_INT4,
  FORMAT_INT8,
  SCRATCH_HEAD,
  SLOT_BYTES,
  TABLE,
  TABLE_BUFFERS,
  TABLE_HEAD_SIZE,
  TABLE_SCRATCH,
  TABLE_SLOTS,
  TABLE_SLOTS_PER_LAYER,
  TABLE_STREAMS,
  UNIT_ROWS,
} from "../../assembly/abi";
import * as buf from "../../assembly/buffers";
import * as W from "../../assembly/slots";
import { arrange, blockBytes, dot, pack } from "../../assembly/formats/weights";
import { claimUnits, product, productAt, units } from "../../assembly/matmul";
import { enter, open, slots } from "../../assembly/layout";
import { end } from "../../assembly/pool";
import { quantiseColumns, quantiseRow, setLargest } from "../../assembly/quantise";
import { ADD_GATED, STORE } from "../../assembly/store";
import { command, joinAsOneOf } from "./command";
import { at, copy, random, reseed, rowError, sameBits } from "./support";

const TOKENS: i32 = 5;
/** Rows of every buffer: more than take blocks in turn, and a last one without three others. */
const ROWS: i32 = 17;
/** Values of a row in every buffer. */
const STRIDE: i32 = 128;
const QUANT_STRIDE: i32 = (STRIDE / 32) * 104;
const COLS: i32 = 40;
/** The present layer; the slots of the one before are never filled. */
const LAYER: i32 = 1;

const LIMIT: f64 = 5e-7;
/** Against sums of the values that the weights and the twin were made of. */
const INT8_LIMIT: f64 = 0.01;
const INT4_LIMIT: f64 = 0.15;

const scratch = new StaticArray<u8>(SCRATCH_HEAD);
const slotWords = new StaticArray<i32>((2 * W.LAYER_SLOTS * SLOT_BYTES) / 4);
const bufferWords = new StaticArray<i32>(buf.COUNT * 4);
const buffers = new Array<StaticArray<f32>>();
/** The twins of buf.X and buf.HIDDEN; the other buffers have none. */
const twins = new Array<StaticArray<u8>>();
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
  table(TABLE_SLOTS_PER_LAYER, W.LAYER_SLOTS);
  slotWords.fill(0);
  matrices.length = 0;
  for (let slot = 0; slot < W.LAYER_SLOTS; slot++) matrices.push(random(0));
  buffers.length = 0;
  twins.length = 0;
  for (let b = 0; b < buf.COUNT; b++) {
    const quantised = b == buf.X || b == buf.HIDDEN;
    buffers.push(random(STRIDE * ROWS));
    twins.push(new StaticArray<u8>(quantised ? QUANT_STRIDE * ROWS : 0));
    bufferWords[b * 4] = <i32>at(buffers[b]);
    bufferWords[b * 4 + 1] = STRIDE * 4;
    bufferWords[b * 4 + 2] = quantised ? <i32>changetype<usize>(twins[b]) : 0;
    bufferWords[b * 4 + 3] = quantised ? QUANT_STRIDE : 0;
  }
  joinAsOneOf(threads);
  open();
  enter(LAYER);
  command(1, [count]);
}

/** Puts a random matrix of rows × COLS values into a slot of the present layer. */
function matrix(slot: i32, rows: i32, format: i32 = FORMAT_F32): void {
  const values = random(rows * COLS);
  const bytes = <i32>blockBytes(format, COLS);
  const blocks = (rows + UNIT_ROWS - 1) / UNIT_ROWS;
  const packed = new StaticArray<f32>((blocks * bytes) / 4);
  for (let b = 0; b < blocks; b++) {
    const left = min(UNIT_ROWS, rows - b * UNIT_ROWS);
    pack(format, at(packed) + b * bytes, COLS, at(values, b * UNIT_ROWS * COLS), COLS, 1, left);
    arrange(format, at(packed) + b * bytes, COLS);
  }
  matrices[slot] = values;
  store<usize>(slotAt(slot), at(packed));
  store<i32>(slotAt(slot), format, 4);
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
      want[i] = then == ADD_GATED ? <f64>before[i] + <f64>buffers[buf.R][i] * x : x;
    }
  }
  return want;
}

/** The same of a quantised matrix, in bits: each unit and token by itself. */
function quantisedWanted(
  before: StaticArray<f32>,
  slot: i32,
  column: i32,
  first: i32,
  stop: i32,
  t0: i32,
  t1: i32,
  then: i32,
): StaticArray<f32> {
  const want = copy(before);
  const sums = new StaticArray<f32>(UNIT_ROWS);
  const format = load<i32>(slotAt(slot), 4);
  for (let t = t0; t < t1; t++) {
    bufferWords[buf.X * 4 + 2] = <i32>changetype<usize>(twins[buf.X]) + t * QUANT_STRIDE;
    for (let row = first; row < stop; row += UNIT_ROWS) {
      const block = load<usize>(slotAt(slot)) + <usize>(row / UNIT_ROWS) * blockBytes(format, COLS);
      dot(format, block, 1, COLS, buf.X, column, 1, at(sums), 128, 128);
      for (let r = 0; r < UNIT_ROWS; r++) {
        const i = t * STRIDE + row + r;
        want[i] = then == ADD_GATED ? before[i] + buffers[buf.R][i] * sums[r] : sums[r];
      }
    }
  }
  bufferWords[buf.X * 4 + 2] = <i32>changetype<usize>(twins[buf.X]);
  return want;
}

/** Whether a buffer's twin is as it was before but for columns [first, stop) of rows [t0, t1), quantised since. */
function quantised(buffer: i32, before: StaticArray<u8>, first: i32, stop: i32, t0: i32, t1: i32): bool {
  const want = StaticArray.slice<u8>(before);
  bufferWords[buffer * 4 + 2] = <i32>changetype<usize>(want);
  for (let t = t0; t < t1; t++) quantiseColumns(buffer, t, first, stop - first);
  bufferWords[buffer * 4 + 2] = <i32>changetype<usize>(twins[buffer]);
  return sameTwin(twins[buffer], want);
}

function sameTwin(a: StaticArray<u8>, b: StaticArray<u8>): bool {
  return memory.compare(changetype<usize>(a), changetype<usize>(b), a.length) == 0;
}

describe("products of one phase", () => {
  it("are all done, however the units are cut, and the next matrix's are its own", () => {
    reseed(1);
    for (let threads = 1; threads <= 4; threads++) {
      for (let count = 1; count <= TOKENS; count++) {
        begin(threads, count);
        matrix(W.ATT_KEY, 64);
        matrix(W.FFN_KEY, 96);
        matrix(W.ATT_OUTPUT, 32);
        // A missing matrix has no pointer, whatever else its slot says.
        store<i32>(slotAt(W.ATT_VALUE), 64, 8);
        const k = copy(buffers[buf.K]);
        const hidden = copy(buffers[buf.HIDDEN]);
        const v = copy(buffers[buf.V]);
        expect(units(W.ATT_KEY) + units(W.ATT_VALUE) + units(W.FFN_KEY) + units(W.ATT_OUTPUT)).toBe(2 + 0 + 3 + 1);
        let early = 0;
        while (claimUnits(6)) {
          product(W.ATT_KEY, buf.X, buf.K);
          product(W.ATT_VALUE, buf.X, buf.X);
          product(W.FFN_KEY, buf.X, buf.HIDDEN, ADD_GATED);
          product(W.ATT_OUTPUT, buf.X, buf.V);
          // Units are numbered through: the first five are not of the last matrix.
          if (end <= 5 && !sameBits(buffers[buf.V], v)) early++;
        }
        expect(early).toBe(0);
        expect(rowError(buffers[buf.K], wanted(k, W.ATT_KEY, buf.X, 0, 0, 64, 0, count, STORE))).toBeLessThan(LIMIT);
        const gated = wanted(hidden, W.FFN_KEY, buf.X, 0, 0, 96, 0, count, ADD_GATED);
        expect(rowError(buffers[buf.HIDDEN], gated)).toBeLessThan(LIMIT);
        expect(rowError(buffers[buf.V], wanted(v, W.ATT_OUTPUT, buf.X, 0, 0, 32, 0, count, STORE))).toBeLessThan(LIMIT);
      }
    }
  });
});

describe("productAt", () => {
  it("starts at a column of x, and takes a number of rows of its own", () => {
    reseed(2);
    for (let column = 0; column <= 64; column += 32) {
      begin(1, 1);
      matrix(W.ATT_KEY, 64);
      const before = copy(buffers[buf.K]);
      while (claimUnits(units(W.ATT_KEY))) productAt(slotAt(W.ATT_KEY), buf.X, column, buf.K, 3);
      const want = wanted(before, W.ATT_KEY, buf.X, column, 0, 64, 0, 3, STORE);
      expect(rowError(buffers[buf.K], want)).toBeLessThan(LIMIT);
    }
  });
  it("leaves zeros for the rows that a last unit lacks", () => {
    reseed(3);
    begin(1, 2);
    matrix(W.ATT_KEY, 41);
    const before = copy(buffers[buf.K]);
    for (let t = 0; t < 2; t++) for (let row = 41; row < 64; row++) before[t * STRIDE + row] = 0;
    while (claimUnits(units(W.ATT_KEY))) product(W.ATT_KEY, buf.X, buf.K);
    const want = wanted(before, W.ATT_KEY, buf.X, 0, 0, 41, 0, 2, STORE);
    expect(rowError(buffers[buf.K], want)).toBeLessThan(LIMIT);
  });
});

describe("quantised matrices", () => {
  it("are multiplied with the twin of x, to the same bits for any pieces, any number of tokens and of blocks in turn", () => {
    reseed(5);
    for (let threads = 1; threads <= 4; threads++) {
      for (let count = 1; count <= ROWS; count += 2) {
        for (let then = STORE; then <= ADD_GATED; then += ADD_GATED - STORE) {
          for (let format = FORMAT_INT8; format <= FORMAT_INT4; format++) {
            setLargest(format == FORMAT_INT4 ? 127 : 8191);
            begin(threads, count);
            table(TABLE_STREAMS, count == 1 ? <usize>threads : 4);
            matrix(W.ATT_KEY, 96, format);
            matrix(W.ATT_VALUE, 64);
            for (let t = 0; t < ROWS; t++) quantiseRow(buf.X, t, STRIDE);
            const k = copy(buffers[buf.K]);
            const v = copy(buffers[buf.V]);
            const x = StaticArray.slice<u8>(twins[buf.X]);
            while (claimUnits(5)) {
              product(W.ATT_KEY, buf.X, buf.K, then);
              product(W.ATT_VALUE, buf.X, buf.V);
            }
            expect(sameBits(buffers[buf.K], quantisedWanted(k, W.ATT_KEY, 0, 0, 96, 0, count, then))).toBe(true);
            const near = wanted(k, W.ATT_KEY, buf.X, 0, 0, 96, 0, count, then);
            expect(rowError(buffers[buf.K], near)).toBeLessThan(format == FORMAT_INT4 ? INT4_LIMIT : INT8_LIMIT);
            const plain = wanted(v, W.ATT_VALUE, buf.X, 0, 0, 64, 0, count, STORE);
            expect(rowError(buffers[buf.V], plain)).toBeLessThan(LIMIT);
            expect(sameTwin(twins[buf.X], x)).toBe(true);
          }
        }
      }
    }
  });
  it("start at a column of x's twin", () => {
    reseed(6);
    for (let column = 0; column <= 64; column += 32) {
      for (let count = 1; count <= ROWS; count += 8) {
        for (let format = FORMAT_INT8; format <= FORMAT_INT4; format++) {
          setLargest(format == FORMAT_INT4 ? 127 : 8191);
          begin(1, 1);
          matrix(W.ATT_KEY, 64, format);
          for (let t = 0; t < ROWS; t++) quantiseRow(buf.X, t, STRIDE);
          const k = copy(buffers[buf.K]);
          while (claimUnits(units(W.ATT_KEY))) productAt(slotAt(W.ATT_KEY), buf.X, column, buf.K, count);
          expect(sameBits(buffers[buf.K], quantisedWanted(k, W.ATT_KEY, column, 0, 64, 0, count, STORE))).toBe(true);
          const near = wanted(k, W.ATT_KEY, buf.X, column, 0, 64, 0, count, STORE);
          expect(rowError(buffers[buf.K], near)).toBeLessThan(format == FORMAT_INT4 ? INT4_LIMIT : INT8_LIMIT);
        }
      }
    }
  });
});

describe("a result whose buffer has a twin", () => {
  it("is quantised: the rows and the tokens multiplied, whatever the format and the pieces", () => {
    reseed(8);
    for (let threads = 1; threads <= 3; threads++) {
      for (let count = 1; count <= ROWS; count += 4) {
        for (let format = FORMAT_F32; format <= FORMAT_INT4; format++) {
          setLargest(format == FORMAT_INT4 ? 127 : 8191);
          for (let then = STORE; then <= ADD_GATED; then += ADD_GATED - STORE) {
            begin(threads, count);
            matrix(W.FFN_KEY, 96, format);
            for (let t = 0; t < ROWS; t++) quantiseRow(buf.X, t, STRIDE);
            const before = StaticArray.slice<u8>(twins[buf.HIDDEN]);
            while (claimUnits(units(W.FFN_KEY))) product(W.FFN_KEY, buf.X, buf.HIDDEN, then);
            expect(quantised(buf.HIDDEN, before, 0, 96, 0, count)).toBe(true);
          }
        }
      }
    }
  });
});
