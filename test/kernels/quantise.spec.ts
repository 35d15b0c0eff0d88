// Quantised activations: how close a row's twin is, what becomes of zeros, NaN and infinity, and which bytes a call
// writes. Every test is of buffers in the model table.
import { SCALE_UNIT } from "../../assembly/formats/int8-block";
import { TABLE, TABLE_BUFFERS, TABLE_HEAD_SIZE } from "../../assembly/abi";
import * as buf from "../../assembly/buffers";
import { open } from "../../assembly/layout";
import { integerBytes, quantiseColumns, quantiseRow } from "../../assembly/quantise";
import { at, bits, copy, random, reseed, sameBits, uniform } from "./support";
import { integerAt } from "./twin";

const ROWS: i32 = 3;
/** Values of a row; the twin's row, and where its scales are. */
const VALUES: i32 = 160;
const STRIDE: i32 = 5 * 68;
const SCALES: i32 = 5 * 64;
const LARGEST: i32 = 8191;
/** Half a step, and the roundings of the scale, of its inverse and of a product: 1/2048 of a step each. */
const STEP_LIMIT: f64 = 0.5 + 3.0 / 2048;

const bufferWords = new StaticArray<i32>(buf.COUNT * 4);
let values = random(ROWS * VALUES);
let twin = new StaticArray<u8>(ROWS * STRIDE);

/** A buffer of these values, and a twin of random bytes; all other buffers have neither. */
function place(buffer: i32, x: StaticArray<f32>): void {
  values = x;
  for (let i = 0; i < twin.length; i++) twin[i] = <u8>bits();
  bufferWords.fill(0);
  bufferWords[buffer * 4] = <i32>at(x);
  bufferWords[buffer * 4 + 1] = VALUES * 4;
  bufferWords[buffer * 4 + 2] = <i32>changetype<usize>(twin);
  bufferWords[buffer * 4 + 3] = STRIDE;
  store<usize>(<usize>TABLE + TABLE_HEAD_SIZE * 4, 32);
  store<usize>(<usize>TABLE + TABLE_BUFFERS * 4, changetype<usize>(bufferWords));
  open();
}

function twinRow(t: i32): usize {
  return changetype<usize>(twin) + t * STRIDE;
}

/** Integer of row `t`, column `c`. */
function integer(t: i32, c: i32): i32 {
  return integerAt(twinRow(t), c);
}

/** Scale of row `t` in the block of column `c`. */
function scale(t: i32, c: i32): f32 {
  return load<f32>(twinRow(t) + SCALES + (c / 32) * 4) / SCALE_UNIT;
}

/** Largest magnitude of row `t` in the block that starts at column `b`. */
function largest(t: i32, b: i32): f32 {
  let most: f32 = 0;
  for (let c = b; c < b + 32; c++) most = max(most, abs(values[t * VALUES + c]));
  return most;
}

/** The largest error of a row, in steps of its block's largest / 8191; infinite if a scale or an integer is wrong. */
function rowError(t: i32): f64 {
  let error: f64 = 0;
  for (let b = 0; b < VALUES; b += 32) {
    const most = largest(t, b);
    if (scale(t, b) != most / <f32>LARGEST) return Infinity;
    for (let c = b; c < b + 32; c++) {
      const q = integer(t, c);
      const x = values[t * VALUES + c];
      if (q < -LARGEST || q > LARGEST) return Infinity;
      if (abs(x) == most && q != (x > 0 ? LARGEST : -LARGEST)) return Infinity;
      error = max(error, abs(<f64>q * <f64>scale(t, b) - <f64>x) / (<f64>most / LARGEST));
    }
  }
  return error;
}

describe("integerBytes", () => {
  it("is two for each value of a row with a scale for 32", () => {
    for (let n = 1; n <= 80; n++) expect(integerBytes(n * 68)).toBe(n * 64);
  });
});

describe("quantiseRow", () => {
  it("keeps values of any size below 2^61 within half a step of their block's largest / 8191, and the largest exactly", () => {
    reseed(1);
    for (let exponent = -100; exponent <= 46; exponent++) {
      const x = random(ROWS * VALUES);
      for (let i = 0; i < x.length; i++) x[i] *= <f32>(2.0 ** <f64>exponent) * <f32>(1 << (i / 32));
      place(buf.X, x);
      const before = copy(x);
      for (let t = 0; t < ROWS; t++) {
        quantiseRow(buf.X, t, VALUES);
        expect(rowError(t)).toBeLessThan(STEP_LIMIT);
      }
      expect(sameBits(x, before)).toBe(true);
    }
  });
  it("finds the largest of a block wherever it is, of either sign", () => {
    reseed(2);
    for (let c = 0; c < 32; c++) {
      for (let sign = -1; sign <= 1; sign += 2) {
        const x = random(ROWS * VALUES);
        for (let b = 0; b < VALUES; b += 32) x[VALUES + b + c] = <f32>sign * uniform(2, 3);
        place(buf.X, x);
        quantiseRow(buf.X, 1, VALUES);
        expect(rowError(1)).toBeLessThan(STEP_LIMIT);
      }
    }
  });
  it("keeps integers whose largest is 8191, and rounds halves to even ones", () => {
    const x = new StaticArray<f32>(ROWS * VALUES);
    for (let b = 0; b < VALUES; b += 32) {
      for (let c = 0; c < 30; c++) x[b + c] = <f32>((b + c / 2) * 97 - 8000) + (c % 2 ? 0.5 : 0);
      x[b + 30] = -8191;
      x[b + 31] = 8191;
    }
    place(buf.X, x);
    quantiseRow(buf.X, 0, VALUES);
    let wrong = 0;
    for (let c = 0; c < VALUES; c++) {
      const want = nearest<f32>(x[c]);
      if (<f32>integer(0, c) != want || scale(0, c) != 1) wrong++;
    }
    expect(wrong).toBe(0);
  });
  it("gives a block of zeros integers and a scale of 0", () => {
    reseed(3);
    for (let zero = 0; zero < 5; zero++) {
      const x = random(ROWS * VALUES);
      for (let c = zero * 32; c < zero * 32 + 32; c++) x[c] = c % 2 ? -0.0 : 0;
      place(buf.X, x);
      quantiseRow(buf.X, 0, VALUES);
      let wrong = 0;
      for (let c = 0; c < VALUES; c++) {
        if (c / 32 != zero) {
          if (scale(0, c) != largest(0, c & ~31) / <f32>LARGEST) wrong++;
        } else if (integer(0, c) != 0 || reinterpret<u32>(scale(0, c)) != 0) wrong++;
      }
      expect(wrong).toBe(0);
    }
  });
  it("makes the scale NaN or infinite for a value that is, wherever it is, and none of another block", () => {
    reseed(4);
    const SPECIAL: f32[] = [NaN, -NaN, Infinity, -Infinity];
    const clean = random(ROWS * VALUES);
    for (let c = 0; c < VALUES; c++) {
      for (let s = 0; s < SPECIAL.length; s++) {
        const x = copy(clean);
        x[c] = SPECIAL[s];
        place(buf.X, x);
        quantiseRow(buf.X, 0, VALUES);
        let wrong = 0;
        for (let b = 0; b < VALUES; b += 32) {
          const got = scale(0, b);
          if (b != (c & ~31)) wrong += got == largest(0, b) / <f32>LARGEST ? 0 : 1;
          else wrong += s < 2 ? (isNaN(got) ? 0 : 1) : got == Infinity ? 0 : 1;
        }
        for (let i = 0; i < VALUES; i++) if (integer(0, i) < -LARGEST || integer(0, i) > LARGEST) wrong++;
        expect(wrong).toBe(0);
      }
    }
  });
  it("lets NaN have its way where there is infinity as well", () => {
    const x = random(ROWS * VALUES);
    for (let c = 0; c < 32; c++) x[c] = c == 9 ? NaN : Infinity;
    place(buf.X, x);
    quantiseRow(buf.X, 0, VALUES);
    expect(isNaN(scale(0, 0))).toBe(true);
  });
});

describe("quantiseColumns", () => {
  it("writes the blocks asked for as quantiseRow does, and no other byte", () => {
    reseed(5);
    const x = random(ROWS * VALUES);
    place(buf.HIDDEN, x);
    for (let t = 0; t < ROWS; t++) quantiseRow(buf.HIDDEN, t, VALUES);
    const whole = StaticArray.slice<u8>(twin);
    for (let t = 0; t < ROWS; t++) {
      for (let first = 0; first < VALUES; first += 32) {
        for (let n = 0; n <= VALUES - first; n += 32) {
          place(buf.HIDDEN, x);
          const want = StaticArray.slice<u8>(twin);
          for (let b = first; b < first + n; b += 32) {
            const integers = t * STRIDE + b * 2;
            for (let i = integers; i < integers + 64; i++) want[i] = whole[i];
            const scales = t * STRIDE + SCALES + (b / 32) * 4;
            for (let i = scales; i < scales + 4; i++) want[i] = whole[i];
          }
          quantiseColumns(buf.HIDDEN, t, first, n);
          expect(memory.compare(twinRow(0), changetype<usize>(want), twin.length)).toBe(0);
        }
      }
    }
  });
  it("leaves buffers alone that have no twin, and other buffers' twins", () => {
    reseed(6);
    place(buf.X, random(ROWS * VALUES));
    const before = StaticArray.slice<u8>(twin);
    // Without a stride there is no twin, whatever the pointer says.
    bufferWords[buf.K * 4] = bufferWords[buf.X * 4];
    bufferWords[buf.K * 4 + 1] = VALUES * 4;
    bufferWords[buf.K * 4 + 2] = bufferWords[buf.X * 4 + 2];
    const other = new StaticArray<u8>(ROWS * STRIDE);
    bufferWords[buf.XK * 4] = bufferWords[buf.X * 4];
    bufferWords[buf.XK * 4 + 1] = VALUES * 4;
    bufferWords[buf.XK * 4 + 2] = <i32>changetype<usize>(other);
    bufferWords[buf.XK * 4 + 3] = STRIDE;
    quantiseRow(buf.K, 0, VALUES);
    quantiseColumns(buf.K, 1, 32, 64);
    quantiseRow(buf.XK, 0, VALUES);
    expect(memory.compare(twinRow(0), changetype<usize>(before), twin.length)).toBe(0);
    quantiseRow(buf.X, 0, VALUES);
    expect(memory.compare(twinRow(0), changetype<usize>(other), STRIDE)).toBe(0);
  });
});
