// The f32 weight format: packing is exact; products are compared with f64 sums, relative to Σ|w·x|.
import { blockBytes, dot, pack } from "../../assembly/formats/f32";
import { at, copy, random, reseed, sameBits } from "./support";

const ROWS: i32[] = [1, 7, 15, 16, 17, 31, 32];
const COLUMNS: i32[] = [1, 8, 31, 32, 33, 95, 96, 100, 1000];
const MOST_TOKENS: i32 = 5;
/** Chains of 32 products, and their totals, are rounded by 2^-24 a step; errors of random signs cancel mostly. */
const LIMIT: f64 = 2e-7;

/** Where row `r`, column `c` is. */
function place(cols: i32, r: i32, c: i32): i32 {
  return (r / 16) * 16 * cols + c * 16 + (r % 16);
}

/** A block of random weights, packed from rows that lie `spare` values apart, or from columns that do. */
function packed(cols: i32, rows: i32, spare: i32, transposed: bool): StaticArray<f32> {
  const rowStride = transposed ? 1 : cols + spare;
  const colStride = transposed ? rows + spare : 1;
  const src = random(rows * rowStride + cols * colStride);
  const block = random(cols * 32 + 4);
  const behind = block[cols * 32];
  pack(at(block), cols, at(src), rowStride, colStride, rows);
  let wrong = block[cols * 32] == behind ? 0 : 1;
  for (let c = 0; c < cols; c++) {
    for (let r = 0; r < 32; r++) {
      const want = r < rows ? src[r * rowStride + c * colStride] : <f32>0;
      if (block[place(cols, r, c)] != want) wrong++;
    }
  }
  expect(wrong).toBe(0);
  return block;
}

/** Multiplies `count` rows; those of x are `spare` values longer than the columns, those of the result than a block. */
function check(block: StaticArray<f32>, cols: i32, count: i32, spare: i32): void {
  const stride = cols + spare;
  const outStride = 32 + 4 * spare;
  const x = random(stride * count);
  const out = random(outStride * count + 4);
  const before = copy(out);
  dot(at(block), cols, at(x), stride << 2, count, at(out), outStride << 2);
  let error: f64 = 0;
  for (let i = 0; i < out.length; i++) {
    const t = i / outStride;
    const r = i % outStride;
    if (t == count || r >= 32) {
      if (out[i] != before[i]) error = Infinity;
      continue;
    }
    let want: f64 = 0;
    let size: f64 = 0;
    for (let c = 0; c < cols; c++) {
      const term = <f64>block[place(cols, r, c)] * <f64>x[t * stride + c];
      want += term;
      size += abs(term);
    }
    const wrong = abs(out[i] - want);
    error = max(error, wrong == 0 ? 0 : wrong / size);
  }
  expect(error).toBeLessThan(LIMIT);

  const alone = new StaticArray<f32>(32);
  for (let t = 0; t < count; t++) {
    dot(at(block), cols, at(x, t * stride), stride << 2, 1, at(alone), 128);
    expect(memory.compare(at(alone), at(out, t * outStride), 128)).toBe(0);
  }
}

describe("f32 weights", () => {
  it("take 128 bytes a column", () => {
    expect(blockBytes(33)).toBe(33 * 128);
  });
  it("are packed from rows and from columns, missing rows as zeros", () => {
    reseed(1);
    for (let c = 0; c < COLUMNS.length; c++) {
      for (let r = 0; r < ROWS.length; r++) {
        for (let spare = 0; spare < 3; spare++) {
          packed(COLUMNS[c], ROWS[r], spare, false);
          packed(COLUMNS[c], ROWS[r], spare, true);
        }
      }
    }
  });
  it("multiply 1 to 5 rows within 2e-7, each to the bits that it has alone", () => {
    reseed(2);
    for (let c = 0; c < COLUMNS.length; c++) {
      for (let r = 0; r < ROWS.length; r++) {
        for (let count = 1; count <= MOST_TOKENS; count++) {
          check(packed(COLUMNS[c], ROWS[r], 0, false), COLUMNS[c], count, count % 3);
        }
      }
    }
  });
  it("are packed to the same bits from a matrix and from its transpose", () => {
    reseed(3);
    const a = random(32 * 40);
    const transposed = new StaticArray<f32>(32 * 40);
    for (let r = 0; r < 32; r++) for (let c = 0; c < 40; c++) transposed[c * 32 + r] = a[r * 40 + c];
    const one = new StaticArray<f32>(32 * 40);
    const other = new StaticArray<f32>(32 * 40);
    pack(at(one), 40, at(a), 40, 1, 32);
    pack(at(other), 40, at(transposed), 1, 32, 32);
    expect(sameBits(one, other)).toBe(true);
  });
});
