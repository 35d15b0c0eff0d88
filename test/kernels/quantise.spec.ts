// Quantised activations: how close a row's twin is, what becomes of zeros, NaN and infinity, and which bytes a call
// writes. Every test is of buffers in the model table.
import { TABLE, TABLE_BUFFERS, TABLE_HEAD_SIZE } from "../../assembly/abi";
import * as buf from "../../assembly/buffers";
import { open } from "../../assembly/layout";
import { quantiseColumns, quantiseRow, setLargest } from "../../assembly/quantise";
import { RELAXED, setDot } from "../../assembly/simd";
import { at, bits, copy, random, reseed, sameBits, uniform } from "./support";
import { dotKinds, TwinRow } from "./twin";

const ROWS: i32 = 3;
/** Values of a row, and bytes of the twin's. */
const VALUES: i32 = 160;
const STRIDE: i32 = 5 * 104;
/** The largest integers that there are, and the one of the present test. */
const INTEGERS: i32[] = [8191, 127];
let most: i32 = 8191;
/** Half a step, and the roundings of the scale, of its inverse and of a product: 1/2048 of a step each at the most. */
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
  return new TwinRow(twinRow(t), VALUES).integer(c);
}

/** Scale of row `t` in the block of column `c`. */
function scale(t: i32, c: i32): f32 {
  return new TwinRow(twinRow(t), VALUES).scale(c);
}

/** Whether the sum that the block of column `b` has is that of its integers. */
function sumIsRight(t: i32, b: i32): bool {
  let sum = 0;
  for (let c = b; c < b + 32; c++) sum += integer(t, c);
  return new TwinRow(twinRow(t), VALUES).sum(b) == sum;
}

/** Largest magnitude of row `t` in the block that starts at column `b`. */
function largest(t: i32, b: i32): f32 {
  let size: f32 = 0;
  for (let c = b; c < b + 32; c++) size = max(size, abs(values[t * VALUES + c]));
  return size;
}

/** The largest error of a row, in steps of its block's largest / 8191 or 127; infinite if a scale or an integer is wrong. */
function rowError(t: i32): f64 {
  let error: f64 = 0;
  for (let b = 0; b < VALUES; b += 32) {
    const size = largest(t, b);
    if (scale(t, b) != size / <f32>most || !sumIsRight(t, b)) return Infinity;
    for (let c = b; c < b + 32; c++) {
      const q = integer(t, c);
      const x = values[t * VALUES + c];
      if (q < -most || q > most) return Infinity;
      if (abs(x) == size && q != (x > 0 ? most : -most)) return Infinity;
      error = max(error, abs(<f64>q * <f64>scale(t, b) - <f64>x) / (<f64>size / most));
    }
  }
  return error;
}

/** Runs a test with integers of 14 and of 8 bits, for every kind of dot product. */
function forAll(test: () => void): void {
  const kinds = dotKinds();
  for (let i = 0; i < INTEGERS.length; i++) {
    for (let k = 0; k < kinds.length; k++) {
      most = INTEGERS[i];
      setLargest(most);
      setDot(kinds[k]);
      test();
    }
  }
}

describe("quantiseRow", () => {
  it("keeps values of any size below 2^55 within half a step of their block's largest, and the largest exactly", () => {
    forAll(() => {
      reseed(1);
      for (let exponent = -100; exponent <= 40; exponent++) {
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
  });
  it("finds the largest of a block wherever it is, of either sign", () => {
    forAll(() => {
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
  });
  it("keeps integers whose largest is the largest, and rounds halves to even ones", () => {
    forAll(() => {
      const x = new StaticArray<f32>(ROWS * VALUES);
      for (let b = 0; b < VALUES; b += 32) {
        for (let c = 0; c < 30; c++)
          x[b + c] = <f32>((((b + c / 2) * 97) % (2 * most - 1)) - most + 1) + (c % 2 ? 0.5 : 0);
        x[b + 30] = <f32>-most;
        x[b + 31] = <f32>most;
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
  });
  it("gives a block of zeros integers and a scale of 0", () => {
    forAll(() => {
      reseed(3);
      for (let zero = 0; zero < 5; zero++) {
        const x = random(ROWS * VALUES);
        for (let c = zero * 32; c < zero * 32 + 32; c++) x[c] = c % 2 ? -0.0 : 0;
        place(buf.X, x);
        quantiseRow(buf.X, 0, VALUES);
        let wrong = 0;
        for (let c = 0; c < VALUES; c++) {
          if (c / 32 != zero) {
            if (scale(0, c) != largest(0, c & ~31) / <f32>most) wrong++;
          } else if (integer(0, c) != 0 || reinterpret<u32>(scale(0, c)) != 0) wrong++;
        }
        expect(wrong).toBe(0);
      }
    });
  });
  it("makes the scale NaN or infinite for a value that is, wherever it is, and none of another block", () => {
    forAll(() => {
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
            if (b != (c & ~31)) wrong += got == largest(0, b) / <f32>most ? 0 : 1;
            else wrong += s < 2 ? (isNaN(got) ? 0 : 1) : got == Infinity ? 0 : 1;
          }
          for (let i = 0; i < VALUES; i++) if (integer(0, i) < -most || integer(0, i) > most) wrong++;
          expect(wrong).toBe(0);
        }
      }
    });
  });
  it("lets NaN have its way where there is infinity as well", () => {
    forAll(() => {
      const x = random(ROWS * VALUES);
      for (let c = 0; c < 32; c++) x[c] = c == 9 ? NaN : Infinity;
      place(buf.X, x);
      quantiseRow(buf.X, 0, VALUES);
      expect(isNaN(scale(0, 0))).toBe(true);
    });
  });
});

function keep(want: StaticArray<u8>, whole: StaticArray<u8>, first: i32, n: i32): void {
  for (let i = first; i < first + n; i++) want[i] = whole[i];
}

describe("quantiseColumns", () => {
  it("writes the blocks asked for as quantiseRow does, and no other byte", () => {
    forAll(() => {
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
              keep(want, whole, t * STRIDE + b / 4, 8);
              keep(want, whole, t * STRIDE + VALUES / 4 + b * 2, 64);
              if (RELAXED && most == 127) keep(want, whole, t * STRIDE + VALUES / 4 + VALUES * 2 + b, 32);
            }
            quantiseColumns(buf.HIDDEN, t, first, n);
            expect(memory.compare(twinRow(0), changetype<usize>(want), twin.length)).toBe(0);
          }
        }
      }
    });
  });
  it("leaves buffers alone that have no twin, and other buffers' twins", () => {
    forAll(() => {
      reseed(6);
      place(buf.X, random(ROWS * VALUES));
      const before = StaticArray.slice<u8>(twin);
      // Without a stride there is no twin, whatever the pointer says.
      bufferWords[buf.K * 4] = bufferWords[buf.X * 4];
      bufferWords[buf.K * 4 + 1] = VALUES * 4;
      bufferWords[buf.K * 4 + 2] = bufferWords[buf.X * 4 + 2];
      const other = StaticArray.slice<u8>(twin); // what is not written has to be the same
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
});
