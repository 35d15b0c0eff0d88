// The int8 weight format: what packing keeps, and products against f64 sums of the same integers and scales. Integers
// and scales are read from a block one by one, by the place that the format gives them.
import { BLOCK_ROWS, QUANT_VALUES, SCRATCH_HEAD, SCRATCH_WIDE } from "../../assembly/abi";
import { f16 } from "../../assembly/dtypes";
import { blockBytes, dot, pack, packQ8 } from "../../assembly/formats/int8";
import { at, bits, copy, random, reseed, uniform } from "./support";

/** Columns around whole groups of 32, and around the 8 groups that all tokens pass by at a time. */
const COLUMNS: i32[] = [1, 2, 31, 32, 33, 63, 100, 255, 256, 257, 289, 513, 1000];
/** Numbers of tokens, odd and even, below and above that from which weights are widened. */
const TOKENS: i32[] = [1, 2, 3, 8, 15, 16, 17, 40];
/** Three roundings a group, and one of the total; errors of random signs cancel mostly. Relative to Σ|terms|. */
const LIMIT: f64 = 2.5e-7;
/** Halves of 1/127 of the largest value, plus the rounding of the scale, of its inverse and of a product. */
const STEP_LIMIT: f64 = 0.5 + (3 * 127.0) / 16777216.0;
const BEHIND: i32 = 16;

const scratch = new StaticArray<u8>(SCRATCH_HEAD - SCRATCH_WIDE);

/** Integer of row `r`, column `c`. */
function integer(block: usize, r: i32, c: i32): i32 {
  return load<i8>(block + (c / 32) * 576 + ((c % 32) / 2) * 32 + r * 2 + (c % 2));
}

/** Scale of row `r` in the group of column `c`. */
function scale(block: usize, r: i32, c: i32): f32 {
  return load<f32>(block + (c / 32) * 576 + 512 + r * 4);
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
  return randomBytes(groups(cols) * 576 + BEHIND);
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
    for (let r = 0; r < 16; r++) {
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

/** Scales that are not largest / 127, integers beyond ±127, and values further from theirs than half a step. */
function wrongWeights(block: usize, cols: i32, src: StaticArray<f32>, rowStride: i32, colStride: i32, rows: i32): i32 {
  let wrong = 0;
  for (let r = 0; r < rows; r++) {
    for (let g = 0; g < cols; g += 32) {
      const stop = min(cols, g + 32);
      let largest: f32 = 0;
      for (let c = g; c < stop; c++) largest = max(largest, abs(src[r * rowStride + c * colStride]));
      const s = scale(block, r, g);
      if (s != largest / 127) wrong++;
      for (let c = g; c < stop; c++) {
        const q = integer(block, r, c);
        if (q < -127) wrong++;
        const x = <f64>src[r * rowStride + c * colStride];
        if (abs(x - <f64>q * <f64>s) > STEP_LIMIT * (<f64>largest / 127)) wrong++;
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
    store<i16>(this.at(t) + c * 2, <i16>q);
  }

  get(t: i32, c: i32): i32 {
    return load<i16>(this.at(t) + c * 2);
  }

  setScale(t: i32, group: i32, s: f32): void {
    store<f32>(this.at(t) + this.scales + group * 4, s);
  }

  getScale(t: i32, group: i32): f32 {
    return load<f32>(this.at(t) + this.scales + group * 4);
  }
}

/** out[t][16] = block · rows, `outStride` values apart; bytes behind the weights' scratch stay as they are. */
function multiply(block: StaticArray<u8>, cols: i32, x: Rows, count: i32, out: usize, outStride: i32): void {
  const wide = randomBytes(SCRATCH_HEAD - SCRATCH_WIDE + BEHIND);
  const before = StaticArray.slice<u8>(wide);
  dot(address(block), cols, x.at(0), x.scales, x.stride, count, out, outStride * 4, address(wide));
  expect(sameBehind(wide, before)).toBe(true);
}

/** The largest error of `count` products, as a share of the terms' sizes; infinite if more than those was written. */
function productError(block: StaticArray<u8>, cols: i32, count: i32, spare: i32): f64 {
  const x = new Rows(cols, count, spare);
  const outStride = 16 + spare * 3;
  const out = random(outStride * count + 4);
  const before = copy(out);
  multiply(block, cols, x, count, at(out), outStride);
  let error: f64 = 0;
  for (let i = 0; i < out.length; i++) {
    const t = i / outStride;
    const r = i % outStride;
    if (t == count || r >= 16) {
      if (out[i] != before[i]) return Infinity;
      continue;
    }
    error = max(error, rowError(address(block), cols, x, t, r, out[i]));
  }
  for (let t = 0; t < count; t++) {
    const alone = random(16);
    dot(address(block), cols, x.at(t), x.scales, x.stride, 1, at(alone), 64, address(scratch));
    if (memory.compare(at(alone), at(out, t * outStride), 64) != 0) return Infinity;
  }
  return error;
}

function rowError(block: usize, cols: i32, x: Rows, t: i32, r: i32, got: f32): f64 {
  let want: f64 = 0;
  let size: f64 = 0;
  for (let g = 0; g < groups(cols); g++) {
    let sum = 0;
    for (let c = g * 32; c < min(cols, g * 32 + 32); c++) sum += integer(block, r, c) * x.get(t, c);
    const term = <f64>sum * <f64>scale(block, r, g * 32) * <f64>x.getScale(t, g);
    want += term;
    size += abs(term);
  }
  const wrong = abs(<f64>got - want);
  return wrong == 0 ? 0 : isNaN(wrong) ? Infinity : wrong / size;
}

describe("int8 weights", () => {
  it("take 576 bytes for 32 columns", () => {
    expect(blockBytes(1)).toBe(576);
    expect(blockBytes(32)).toBe(576);
    expect(blockBytes(33)).toBe(1152);
    expect(BLOCK_ROWS * QUANT_VALUES + BLOCK_ROWS * 4).toBe(576);
  });
});

describe("pack", () => {
  it("keeps values within half a step of largest / 127, from rows and from columns, and pads with zeros", () => {
    reseed(1);
    for (let c = 0; c < COLUMNS.length; c++) {
      for (let rows = 1; rows <= 16; rows++) {
        packed(COLUMNS[c], rows, rows % 3, false);
        packed(COLUMNS[c], rows, rows % 3, true);
      }
    }
  });
  it("makes the same bits of a matrix and of its transpose", () => {
    reseed(2);
    const src = random(16 * 72);
    const transposed = new StaticArray<f32>(16 * 72);
    for (let r = 0; r < 16; r++) for (let c = 0; c < 72; c++) transposed[c * 16 + r] = src[r * 72 + c];
    const one = new StaticArray<u8>(3 * 576);
    const other = new StaticArray<u8>(3 * 576);
    pack(address(one), 72, at(src), 72, 1, 16);
    pack(address(other), 72, at(transposed), 1, 16, 16);
    expect(sameBytes(one, other)).toBe(true);
  });
  it("keeps integers whose largest is ±127, and rounds halves to even ones", () => {
    const src = new StaticArray<f32>(16 * 64);
    for (let r = 0; r < 16; r++) {
      for (let c = 0; c < 64; c++) src[r * 64 + c] = <f32>((r * 64 + c) % 255) - 127;
      src[r * 64] = r % 2 ? 127 : -127;
      src[r * 64 + 63] = -127;
      src[r * 64 + 5] = <f32>r + 0.5;
    }
    const block = emptyBlock(64);
    pack(address(block), 64, at(src), 64, 1, 16);
    let wrong = 0;
    for (let r = 0; r < 16; r++) {
      for (let c = 0; c < 64; c++) {
        const want = c == 5 ? (r % 2 ? r + 1 : r) : <i32>src[r * 64 + c];
        if (integer(address(block), r, c) != want || scale(address(block), r, c) != 1) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });
  it("gives zeros the scale 0, row by row and group by group", () => {
    reseed(3);
    const src = random(16 * 96);
    for (let r = 0; r < 16; r++) {
      for (let c = 0; c < 96; c++) if ((r + c / 32) % 3 == 0) src[r * 96 + c] = c % 2 ? -0.0 : 0;
    }
    const block = emptyBlock(96);
    pack(address(block), 96, at(src), 96, 1, 16);
    let wrong = wrongWeights(address(block), 96, src, 96, 1, 16);
    for (let r = 0; r < 16; r++) {
      for (let c = 0; c < 96; c++) {
        if ((r + c / 32) % 3) continue;
        if (integer(address(block), r, c) != 0 || reinterpret<u32>(scale(address(block), r, c)) != 0) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });
  it("keeps NaN and infinity in the scale, and out of the other rows and groups", () => {
    reseed(4);
    const clean = random(16 * 64);
    const want = emptyBlock(64);
    pack(address(want), 64, at(clean), 64, 1, 16);
    for (let c = 0; c < 32; c++) {
      const src = copy(clean);
      src[3 * 64 + c] = NaN;
      src[5 * 64 + 32 + c] = c % 2 ? Infinity : -Infinity;
      const block = emptyBlock(64);
      pack(address(block), 64, at(src), 64, 1, 16);
      expect(isNaN(scale(address(block), 3, 0))).toBe(true);
      expect(scale(address(block), 5, 32)).toBe(Infinity);
      let wrong = 0;
      for (let i = 0; i < 16 * 64; i++) {
        const r = i / 64;
        if ((r == 3 && i % 64 < 32) || (r == 5 && i % 64 >= 32)) continue;
        if (integer(address(block), r, i % 64) != integer(address(want), r, i % 64)) wrong++;
        if (scale(address(block), r, i % 64) != scale(address(want), r, i % 64)) wrong++;
      }
      expect(wrong).toBe(0);
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
      if (integer(address(block), r, c) != <i32>load<i8>(stored + 2 + (c % 32))) wrong++;
      const want = reinterpret<u32>(f16(load<u16>(stored)));
      if (reinterpret<u32>(scale(address(block), r, c)) != want) wrong++;
    }
  }
  return wrong;
}

describe("packQ8", () => {
  it("keeps every integer and every scale, whatever the rows, at any address", () => {
    reseed(5);
    for (let cols = 32; cols <= 320; cols += 32) {
      for (let rows = 1; rows <= 16; rows++) {
        for (let spare = 0; spare < 4; spare++) expect(wrongQ8(cols, rows, spare)).toBe(0);
      }
    }
  });
  it("lets no integer be taken for another's", () => {
    // Row and column of each of the 512 values, in two blocks: those of 16 rows are moved by vectors.
    const src = new StaticArray<u8>(16 * 34);
    for (let rows = 15; rows <= 16; rows++) {
      for (let half = 0; half < 2; half++) {
        for (let r = 0; r < 16; r++) for (let c = 0; c < 32; c++) src[r * 34 + 2 + c] = <u8>(half ? r : c);
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
  it("is within 2.5e-7 of the sums for 1 to 40 tokens, each to the bits that it has alone", () => {
    reseed(6);
    for (let c = 0; c < COLUMNS.length; c++) {
      for (let t = 0; t < TOKENS.length; t++) {
        const block = packed(COLUMNS[c], 1 + ((c * 5 + t * 3) % 16), 0, false);
        expect(productError(block, COLUMNS[c], TOKENS[t], 0)).toBeLessThan(LIMIT);
      }
    }
  });
  it("takes rows of x and leaves results any distance apart", () => {
    reseed(7);
    for (let spare = 1; spare <= 5; spare++) {
      for (let t = 0; t < TOKENS.length; t++) {
        expect(productError(packed(300, 16, 0, false), 300, TOKENS[t], spare)).toBeLessThan(LIMIT);
      }
    }
  });
  it("holds the largest integers in all columns, of weights and of stored Q8_0", () => {
    reseed(8);
    const COLS: i32 = 9 * 32;
    for (let sign = 0; sign < 4; sign++) {
      // All terms of one sign; in the last two cases signs change from column to column, in both.
      const weights = new StaticArray<f32>(16 * COLS);
      const stored = new StaticArray<u8>(16 * 9 * 34);
      for (let i = 0; i < weights.length; i++) {
        const minus = sign >= 2 ? i % 2 : sign;
        weights[i] = minus ? -127 : 127;
        store<u8>(address(stored) + (i / 32) * 34 + 2 + (i % 32), minus ? 0x80 : 127);
      }
      for (let g = 0; g < 16 * 9; g++) store<u16>(address(stored) + g * 34, 0x3c00);
      const block = emptyBlock(COLS);
      pack(address(block), COLS, at(weights), COLS, 1, 16);
      const block8 = emptyBlock(COLS);
      packQ8(address(block8), COLS, address(stored), 9 * 34, 16);
      for (let n = 0; n < TOKENS.length; n++) {
        const count = TOKENS[n];
        const x = new Rows(COLS, count, 0);
        for (let t = 0; t < count; t++) {
          for (let c = 0; c < COLS; c++) x.set(t, c, (sign == 2 && c % 2) || (sign == 3 && c % 2 == 0) ? -8191 : 8191);
          for (let g = 0; g < 9; g++) x.setScale(t, g, 1);
        }
        const out = random(16 * count);
        multiply(block, COLS, x, count, at(out), 16);
        // Of at most 24 binary digits in f32, as all the sums before them.
        const most: f32 = 32 * 127 * 8191 * 9;
        let wrong = 0;
        for (let i = 0; i < out.length; i++) if (out[i] != (sign == 1 || sign == 3 ? -most : most)) wrong++;
        expect(wrong).toBe(0);
        multiply(block8, COLS, x, count, at(out), 16);
        for (let i = 0; i < out.length; i++) {
          if (rowError(address(block8), COLS, x, i / 16, i % 16, out[i]) > LIMIT) wrong++;
        }
        expect(wrong).toBe(0);
      }
    }
  });
  it("makes NaN of a row whose scale or whose token's scale is NaN or infinite with zeros, and of no other", () => {
    reseed(9);
    const COLS: i32 = 320;
    for (let n = 0; n < TOKENS.length; n++) {
      const count = TOKENS[n];
      const weights = random(16 * COLS);
      weights[7 * COLS + 300] = NaN;
      const block = emptyBlock(COLS);
      pack(address(block), COLS, at(weights), COLS, 1, 16);
      const x = new Rows(COLS, count, 0);
      x.setScale(count - 1, 9, Infinity);
      for (let c = 288; c < 320; c++) x.set(count - 1, c, 0);
      const out = random(16 * count);
      multiply(block, COLS, x, count, at(out), 16);
      let wrong = 0;
      for (let i = 0; i < out.length; i++) if (isNaN(out[i]) != (i / 16 == count - 1 || i % 16 == 7)) wrong++;
      expect(wrong).toBe(0);
    }
  });
});
