// Products of int8 weights against f64 sums of the same integers and scales.
import { SCRATCH_HEAD, SCRATCH_WIDE } from "../../assembly/abi";
import { dot, pack, packQ8 } from "../../assembly/formats/int8";
import { SCALE_UNIT } from "../../assembly/formats/int8-block";
import {
  address,
  BEHIND,
  COLUMNS,
  emptyBlock,
  groups,
  integer,
  packed,
  randomBytes,
  sameBehind,
  scale,
} from "./int8-blocks";
import { at, bits, copy, random, reseed, uniform } from "./support";
import { integerAt, setInteger } from "./twin";

/** Numbers of tokens, odd and even, below and above that from which weights are widened. */
const TOKENS: i32[] = [1, 2, 3, 8, 15, 16, 17, 40];
/** Three roundings a group, and one of the total; errors of random signs cancel mostly. Relative to Σ|terms|. */
const LIMIT: f64 = 2.5e-7;

/** Quantised rows, random: integers of 14 bits, then scales, as dot() takes them. */
class Rows {
  /** Bytes from the start of a row to its scales. */
  scales: i32 = 0;
  stride: i32 = 0;
  bytes: StaticArray<u8> = [];

  /** `spare`: words that lie between the integers and the scales, and from one row to the next. */
  constructor(cols: i32, count: i32, spare: i32) {
    const n = groups(cols);
    this.scales = n * 64 + spare * 4;
    this.stride = this.scales + n * 4 + spare * 4;
    this.bytes = randomBytes(this.stride * count);
    for (let t = 0; t < count; t++) {
      // The last group's integers behind `cols` are random as well: the weights there are zero.
      for (let c = 0; c < n * 32; c++) this.set(t, c, <i32>(bits() % 16383) - 8191);
      for (let g = 0; g < n; g++) this.setScale(t, g, uniform(0.01, 1));
    }
  }

  at(t: i32): usize {
    return address(this.bytes) + t * this.stride;
  }

  set(t: i32, c: i32, q: i32): void {
    setInteger(this.at(t), c, q);
  }

  get(t: i32, c: i32): i32 {
    return integerAt(this.at(t), c);
  }

  setScale(t: i32, group: i32, s: f32): void {
    store<f32>(this.at(t) + this.scales + group * 4, s * SCALE_UNIT);
  }

  getScale(t: i32, group: i32): f32 {
    return load<f32>(this.at(t) + this.scales + group * 4) / SCALE_UNIT;
  }
}

/** out[t][32] = block · rows, `outStride` values apart; bytes behind the weights' scratch stay as they are. */
function multiply(block: StaticArray<u8>, cols: i32, x: Rows, count: i32, out: usize, outStride: i32): void {
  const wide = randomBytes(SCRATCH_HEAD - SCRATCH_WIDE + BEHIND);
  const before = StaticArray.slice<u8>(wide);
  dot(address(block), cols, x.at(0), x.scales, x.stride, count, out, outStride * 4, address(wide));
  expect(sameBehind(wide, before)).toBe(true);
}

/**
 * The largest error of `count` products, as a share of the terms' sizes; infinite if their bits are not those of oneByOne()
 * or if more than those was written.
 */
function productError(block: StaticArray<u8>, cols: i32, count: i32, spare: i32): f64 {
  const x = new Rows(cols, count, spare);
  const outStride = 32 + spare * 3;
  const out = random(outStride * count + 4);
  const before = copy(out);
  multiply(block, cols, x, count, at(out), outStride);
  let error: f64 = 0;
  for (let i = 0; i < out.length; i++) {
    const t = i / outStride;
    const r = i % outStride;
    if (t == count || r >= 32) {
      if (out[i] != before[i]) return Infinity;
      continue;
    }
    if (reinterpret<u32>(out[i]) != reinterpret<u32>(oneByOne(address(block), cols, x, t, r))) return Infinity;
    error = max(error, rowError(address(block), cols, x, t, r, out[i]));
  }
  return error;
}

/** Row `r` times token `t`: the bits that every kernel of every build has to give, for any number of tokens. */
function oneByOne(block: usize, cols: i32, x: Rows, t: i32, r: i32): f32 {
  let total: f32 = 0;
  for (let c = 0; c < cols; c += 32) {
    total += <f32>groupSum(block, cols, x, t, r, c) * (scale(block, r, c) * x.getScale(t, c / 32));
  }
  return total;
}

/** Products of the integers within 32 columns from `c` on. */
function groupSum(block: usize, cols: i32, x: Rows, t: i32, r: i32, c: i32): i32 {
  let sum = 0;
  for (let i = c; i < min(cols, c + 32); i++) sum += integer(block, r, i) * x.get(t, i);
  return sum;
}

function rowError(block: usize, cols: i32, x: Rows, t: i32, r: i32, got: f32): f64 {
  let want: f64 = 0;
  let size: f64 = 0;
  for (let g = 0; g < groups(cols); g++) {
    const term = <f64>groupSum(block, cols, x, t, r, g * 32) * <f64>scale(block, r, g * 32) * <f64>x.getScale(t, g);
    want += term;
    size += abs(term);
  }
  const wrong = abs(<f64>got - want);
  return wrong == 0 ? 0 : isNaN(wrong) ? Infinity : wrong / size;
}

describe("dot", () => {
  it("adds up the groups one by one, to the bit, within 2.5e-7 of the sums, for 1 to 40 tokens", () => {
    reseed(6);
    for (let c = 0; c < COLUMNS.length; c++) {
      for (let t = 0; t < TOKENS.length; t++) {
        const block = packed(COLUMNS[c], 1 + ((c * 5 + t * 3) % 32), 0, false);
        expect(productError(block, COLUMNS[c], TOKENS[t], 0)).toBeLessThan(LIMIT);
      }
    }
  });
  it("takes rows of x and leaves results any distance apart", () => {
    reseed(7);
    for (let spare = 1; spare <= 5; spare++) {
      for (let t = 0; t < TOKENS.length; t++) {
        expect(productError(packed(300, 32, 0, false), 300, TOKENS[t], spare)).toBeLessThan(LIMIT);
      }
    }
  });
  it("holds the largest integers in all columns, of weights and of stored Q8_0", () => {
    reseed(8);
    const COLS: i32 = 9 * 32;
    for (let sign = 0; sign < 4; sign++) {
      // All terms of one sign; in the last two cases signs change from column to column, in both.
      const weights = new StaticArray<f32>(32 * COLS);
      const stored = new StaticArray<u8>(32 * 9 * 34);
      for (let i = 0; i < weights.length; i++) {
        const minus = sign >= 2 ? i % 2 : sign;
        weights[i] = minus ? -127 : 127;
        store<u8>(address(stored) + (i / 32) * 34 + 2 + (i % 32), minus ? 0x80 : 127);
      }
      for (let g = 0; g < 32 * 9; g++) store<u16>(address(stored) + g * 34, 0x3c00);
      const block = emptyBlock(COLS);
      pack(address(block), COLS, at(weights), COLS, 1, 32);
      const block8 = emptyBlock(COLS);
      packQ8(address(block8), COLS, address(stored), 9 * 34, 32);
      for (let n = 0; n < TOKENS.length; n++) {
        const count = TOKENS[n];
        const x = new Rows(COLS, count, 0);
        for (let t = 0; t < count; t++) {
          for (let c = 0; c < COLS; c++) x.set(t, c, (sign == 2 && c % 2) || (sign == 3 && c % 2 == 0) ? -8191 : 8191);
          for (let g = 0; g < 9; g++) x.setScale(t, g, 1);
        }
        const out = random(32 * count);
        multiply(block, COLS, x, count, at(out), 32);
        // Of at most 24 binary digits in f32, as all the sums before them.
        const most: f32 = 32 * 127 * 8191 * 9;
        let wrong = 0;
        for (let i = 0; i < out.length; i++) if (out[i] != (sign == 1 || sign == 3 ? -most : most)) wrong++;
        expect(wrong).toBe(0);
        multiply(block8, COLS, x, count, at(out), 32);
        for (let i = 0; i < out.length; i++) {
          if (rowError(address(block8), COLS, x, i / 32, i % 32, out[i]) > LIMIT) wrong++;
        }
        expect(wrong).toBe(0);
      }
    }
  });
  it("makes NaN of a token whose scale is infinite with zeros, and of no other", () => {
    reseed(9);
    const COLS: i32 = 320;
    for (let n = 0; n < TOKENS.length; n++) {
      const count = TOKENS[n];
      const weights = random(32 * COLS);
      const block = emptyBlock(COLS);
      pack(address(block), COLS, at(weights), COLS, 1, 32);
      const x = new Rows(COLS, count, 0);
      x.setScale(count - 1, 9, Infinity);
      for (let c = 288; c < 320; c++) x.set(count - 1, c, 0);
      const out = random(32 * count);
      multiply(block, COLS, x, count, at(out), 32);
      let wrong = 0;
      for (let i = 0; i < out.length; i++) if (isNaN(out[i]) != (i / 32 == count - 1)) wrong++;
      expect(wrong).toBe(0);
    }
  });
});
