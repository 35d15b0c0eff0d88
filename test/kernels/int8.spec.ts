// The int8 weight format: what packing keeps, and products against f64 sums of the same integers and scales. Integers
// and scales are read from a block one by one, by the place that the format gives them.
import { NOT_FINITE, QUANT_VALUES, SCRATCH_HEAD, SCRATCH_WIDE, UNIT_ROWS } from "../../assembly/abi";
import { f16 } from "../../assembly/half";
import { dot, pack, packQ8 } from "../../assembly/formats/int8";
import { blockBytes, decodeScale, encodeScale, SCALE_UNIT } from "../../assembly/formats/int8-block";
import { at, bits, copy, random, reseed, uniform } from "./support";
import { integerAt, setInteger } from "./twin";

/** Columns around whole groups of 32, and around the 8 groups that all tokens pass by at a time. */
const COLUMNS: i32[] = [1, 2, 31, 32, 33, 63, 100, 255, 256, 257, 289, 513, 1000];
/** Numbers of tokens, odd and even, below and above that from which weights are widened. */
const TOKENS: i32[] = [1, 2, 3, 8, 15, 16, 17, 40];
/** Three roundings a group, and one of the total; errors of random signs cancel mostly. Relative to Σ|terms|. */
const LIMIT: f64 = 2.5e-7;
/** Half a scale, plus the rounding of its inverse and of a product. */
const STEP_LIMIT: f64 = 0.5 + (2 * 127.0) / 16777216.0;
/** A scale has 11 binary digits: half of its last one away from largest / 127, ±127 are up to 127/2048 too small. */
const TOP_LIMIT: f64 = STEP_LIMIT + 127.0 / 2048.0;
const BEHIND: i32 = 16;

/** Integer of row `r`, column `c`. */
function integer(block: usize, r: i32, c: i32): i32 {
  return load<i8>(block + (c / 32) * 1088 + ((c % 32) / 2) * 64 + r * 2 + (c % 2));
}

/** Scale of row `r` in the group of column `c`. */
function scale(block: usize, r: i32, c: i32): f32 {
  const place = (r / 8) * 8 + (r % 4) * 2 + (r % 8) / 4;
  return decodeScale(load<u16>(block + (c / 32) * 1088 + 1024 + place * 2));
}

function address(bytes: StaticArray<u8>): usize {
  return changetype<usize>(bytes);
}

function randomBytes(n: i32): StaticArray<u8> {
  const bytes = new StaticArray<u8>(n);
  for (let i = 0; i < n; i++) bytes[i] = <u8>bits();
  return bytes;
}

/** Room for a block, and some bytes behind it. */
function emptyBlock(cols: i32): StaticArray<u8> {
  return randomBytes(groups(cols) * 1088 + BEHIND);
}

function groups(cols: i32): i32 {
  return (cols + 31) / 32;
}

/** The last bytes of both are the same. */
function sameBehind(a: StaticArray<u8>, b: StaticArray<u8>): bool {
  return memory.compare(address(a) + a.length - BEHIND, address(b) + b.length - BEHIND, BEHIND) == 0;
}

function sameBytes(a: StaticArray<u8>, b: StaticArray<u8>): bool {
  return a.length == b.length && memory.compare(address(a), address(b), a.length) == 0;
}

/** Integers and scales of rows and columns that the matrix lacks, which have to be zero and are not. */
function wrongPadding(block: usize, cols: i32, rows: i32): i32 {
  let wrong = 0;
  for (let c = 0; c < groups(cols) * 32; c++) {
    for (let r = 0; r < 32; r++) {
      if ((r >= rows || c >= cols) && integer(block, r, c) != 0) wrong++;
      if (r >= rows && reinterpret<u32>(scale(block, r, c)) != 0) wrong++;
    }
  }
  return wrong;
}

/**
 * A block of random weights, the groups' sizes some powers of two apart, packed from rows that lie `spare` values apart
 * or from columns that do.
 */
function packed(cols: i32, rows: i32, spare: i32, transposed: bool): StaticArray<u8> {
  const rowStride = transposed ? 1 : cols + spare;
  const colStride = transposed ? rows + spare : 1;
  const src = random(rows * rowStride + cols * colStride);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) src[r * rowStride + c * colStride] *= <f32>(1 << ((r + c / 32) % 4));
  }
  const block = emptyBlock(cols);
  const before = StaticArray.slice<u8>(block);
  pack(address(block), cols, at(src), rowStride, colStride, rows);
  expect(sameBehind(block, before)).toBe(true);
  expect(wrongPadding(address(block), cols, rows)).toBe(0);
  expect(wrongWeights(address(block), cols, src, rowStride, colStride, rows)).toBe(0);
  return block;
}

/** Scales that are not the nearest to largest / 127, integers beyond ±127, and values further from theirs than half a step. */
function wrongWeights(block: usize, cols: i32, src: StaticArray<f32>, rowStride: i32, colStride: i32, rows: i32): i32 {
  let wrong = 0;
  for (let r = 0; r < rows; r++) {
    for (let g = 0; g < cols; g += 32) {
      const stop = min(cols, g + 32);
      let largest: f32 = 0;
      for (let c = g; c < stop; c++) largest = max(largest, abs(src[r * rowStride + c * colStride]));
      const s = scale(block, r, g);
      if (s != decodeScale(encodeScale(largest / 127))) wrong++;
      for (let c = g; c < stop; c++) {
        const q = integer(block, r, c);
        if (q < -127) wrong++;
        const x = <f64>src[r * rowStride + c * colStride];
        if (abs(x - <f64>q * <f64>s) > (abs(q) == 127 ? TOP_LIMIT : STEP_LIMIT) * <f64>s) wrong++;
      }
    }
  }
  return wrong;
}

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

describe("int8 weights", () => {
  it("take 1088 bytes for 32 columns", () => {
    expect(blockBytes(1)).toBe(1088);
    expect(blockBytes(32)).toBe(1088);
    expect(blockBytes(33)).toBe(2176);
    expect(UNIT_ROWS * QUANT_VALUES + UNIT_ROWS * 2).toBe(1088);
  });
});

describe("scales", () => {
  it("hold every half-precision number from 0 on exactly", () => {
    let wrong = 0;
    for (let h: u32 = 0; h < 0x7c00; h++) if (decodeScale(encodeScale(f16(h))) != f16(h)) wrong++;
    expect(wrong).toBe(0);
  });
  it("are the nearest there is, zero below 2^-47 and no more than the largest", () => {
    reseed(10);
    for (let i = 0; i < 10000; i++) {
      const s = <f32>(<f64>uniform(1, 2) * 2.0 ** <f64>((bits() % 60) - 46));
      const bit = encodeScale(s);
      const error = abs(<f64>decodeScale(bit) - s);
      if (bit < 0xffff) {
        const below = abs(<f64>decodeScale(bit - 1) - s);
        const above = abs(<f64>decodeScale(bit + 1) - s);
        if (error > below || error > above) throw new Error("not the nearest");
      }
    }
    expect(encodeScale(6.9e-15)).toBe(0);
    expect(decodeScale(encodeScale(1e9))).toBe(65504);
  });
});

describe("pack", () => {
  it("keeps values within half a step of largest / 127, from rows and from columns, and pads with zeros", () => {
    reseed(1);
    for (let c = 0; c < COLUMNS.length; c++) {
      for (let rows = 1; rows <= 32; rows++) {
        packed(COLUMNS[c], rows, rows % 3, false);
        packed(COLUMNS[c], rows, rows % 3, true);
      }
    }
  });
  it("makes the same bits of a matrix and of its transpose", () => {
    reseed(2);
    const src = random(32 * 72);
    const transposed = new StaticArray<f32>(32 * 72);
    for (let r = 0; r < 32; r++) for (let c = 0; c < 72; c++) transposed[c * 32 + r] = src[r * 72 + c];
    const one = new StaticArray<u8>(3 * 1088);
    const other = new StaticArray<u8>(3 * 1088);
    pack(address(one), 72, at(src), 72, 1, 32);
    pack(address(other), 72, at(transposed), 1, 32, 32);
    expect(sameBytes(one, other)).toBe(true);
  });
  it("keeps integers whose largest is ±127, and rounds halves to even ones", () => {
    const src = new StaticArray<f32>(32 * 64);
    for (let r = 0; r < 32; r++) {
      for (let c = 0; c < 64; c++) src[r * 64 + c] = <f32>((r * 64 + c) % 255) - 127;
      src[r * 64] = r % 2 ? 127 : -127;
      src[r * 64 + 63] = -127;
      src[r * 64 + 5] = <f32>r + 0.5;
    }
    const block = emptyBlock(64);
    pack(address(block), 64, at(src), 64, 1, 32);
    let wrong = 0;
    for (let r = 0; r < 32; r++) {
      for (let c = 0; c < 64; c++) {
        const want = c == 5 ? (r % 2 ? r + 1 : r) : <i32>src[r * 64 + c];
        if (integer(address(block), r, c) != want || scale(address(block), r, c) != 1) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });
  it("gives zeros the scale 0, row by row and group by group", () => {
    reseed(3);
    const src = random(32 * 96);
    for (let r = 0; r < 32; r++) {
      for (let c = 0; c < 96; c++) if ((r + c / 32) % 3 == 0) src[r * 96 + c] = c % 2 ? -0.0 : 0;
    }
    const block = emptyBlock(96);
    pack(address(block), 96, at(src), 96, 1, 32);
    let wrong = wrongWeights(address(block), 96, src, 96, 1, 32);
    for (let r = 0; r < 32; r++) {
      for (let c = 0; c < 96; c++) {
        if ((r + c / 32) % 3) continue;
        if (integer(address(block), r, c) != 0 || scale(address(block), r, c) != 0) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });
  it("says so when a value is NaN or infinite, and only then", () => {
    reseed(4);
    const SPECIAL: f32[] = [NaN, Infinity, -Infinity];
    const block = emptyBlock(64);
    for (let i = 0; i < SPECIAL.length; i++) {
      for (let c = 0; c < 64; c++) {
        const src = random(32 * 64);
        store<i32>(NOT_FINITE, 0);
        pack(address(block), 64, at(src), 64, 1, 32);
        expect(load<i32>(NOT_FINITE)).toBe(0);
        src[(c % 32) * 64 + c] = SPECIAL[i];
        pack(address(block), 64, at(src), 64, 1, 32);
        expect(load<usize>(NOT_FINITE)).toBe(address(block) + (c / 32) * 1088);
      }
    }
    const stored = new StaticArray<u8>(34);
    for (let h: u32 = 0; h < 0x10000; h += 0x3ff) {
      store<i32>(NOT_FINITE, 0);
      store<u16>(address(stored), <u16>h);
      packQ8(address(block), 32, address(stored), 34, 1);
      expect(load<i32>(NOT_FINITE) != 0).toBe(notFinite(address(stored)));
    }
  });
});

/**
 * Packs rows of Q8_0 that start at any address and lie `spare` bytes apart; counts what is not as it was stored. f16() is
 * right for every pattern: dtypes.spec.ts.
 */
function wrongQ8(cols: i32, rows: i32, spare: i32): i32 {
  const rowBytes = (cols / 32) * 34 + spare;
  const src = randomBytes(rows * rowBytes + spare);
  const p = address(src) + spare;
  const block = emptyBlock(cols);
  const before = StaticArray.slice<u8>(block);
  packQ8(address(block), cols, p, rowBytes, rows);
  let wrong = wrongPadding(address(block), cols, rows) + (sameBehind(block, before) ? 0 : 1);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      const stored = p + r * rowBytes + (c / 32) * 34;
      const q = <i32>load<i8>(stored + 2 + (c % 32));
      if (integer(address(block), r, c) != (f16(load<u16>(stored)) < 0 ? min(127, -q) : q)) wrong++;
      if (notFinite(stored)) continue;
      if (scale(address(block), r, c) != abs(f16(load<u16>(stored)))) wrong++;
    }
  }
  return wrong;
}

function notFinite(q8: usize): bool {
  return (load<u16>(q8) & 0x7c00) == 0x7c00;
}

describe("packQ8", () => {
  it("keeps every integer and every scale, whatever the rows, at any address", () => {
    reseed(5);
    for (let cols = 32; cols <= 320; cols += 32) {
      for (let rows = 1; rows <= 32; rows++) {
        for (let spare = 0; spare < 4; spare++) expect(wrongQ8(cols, rows, spare)).toBe(0);
      }
    }
  });
  it("lets no integer be taken for another's", () => {
    // Row and column of each of the 1024 values, in two blocks: those of 32 rows are moved by vectors.
    const src = new StaticArray<u8>(32 * 34);
    for (let rows = 31; rows <= 32; rows++) {
      for (let half = 0; half < 2; half++) {
        for (let r = 0; r < 32; r++) for (let c = 0; c < 32; c++) src[r * 34 + 2 + c] = <u8>(half ? r : c);
        const block = emptyBlock(32);
        packQ8(address(block), 32, address(src), 34, rows);
        let wrong = 0;
        for (let r = 0; r < rows; r++) {
          for (let c = 0; c < 32; c++) if (integer(address(block), r, c) != (half ? r : c)) wrong++;
        }
        expect(wrong).toBe(0);
      }
    }
  });
});

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
