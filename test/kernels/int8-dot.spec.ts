// Products of int8 weights against f64 sums of the same integers and scales, with activations of 14 and of 8 bits, by
// every kind of dot product that this machine has.
import { FORMAT_INT8 } from "../../assembly/abi";
import { pack, packQ8 } from "../../assembly/formats/int8-pack";
import { address, COLUMNS, emptyBlock, groups, integer, packed, scale } from "./int8-blocks";
import { Rows } from "./rows";
import { at, copy, random, reseed } from "./support";
import { dotKinds } from "./twin";

/** Numbers of tokens: fours of them, and every rest. */
const TOKENS: i32[] = [1, 2, 3, 4, 5, 6, 7, 8, 40];
const LARGEST: i32[] = [8191, 127];
/** Three roundings a group, and one of the total; errors of random signs cancel mostly. Relative to Σ|terms|. */
const LIMIT: f64 = 3.5e-7;

/**
 * The largest error of `count` products, as a share of the terms' sizes; infinite if their bits are not those of oneByOne()
 * or if more than those was written.
 */
function productError(block: StaticArray<u8>, cols: i32, count: i32, spare: i32, largest: i32, kind: i32): f64 {
  const x = new Rows(cols, count, spare, largest, kind);
  const outStride = 32 + spare * 3;
  const out = random(outStride * count + 4);
  const before = copy(out);
  x.multiply(FORMAT_INT8, block, cols, count, at(out), outStride);
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
    total += <f32>groupSum(block, cols, x, t, r, c) * (scale(block, r, c) * x.rows[t].scale(c));
  }
  return total;
}

/** Products of the integers within 32 columns from `c` on. */
function groupSum(block: usize, cols: i32, x: Rows, t: i32, r: i32, c: i32): i32 {
  let sum = 0;
  for (let i = c; i < min(cols, c + 32); i++) sum += integer(block, r, i) * x.rows[t].integer(i);
  return sum;
}

function rowError(block: usize, cols: i32, x: Rows, t: i32, r: i32, got: f32): f64 {
  let want: f64 = 0;
  let size: f64 = 0;
  for (let g = 0; g < groups(cols); g++) {
    const term =
      <f64>groupSum(block, cols, x, t, r, g * 32) * <f64>scale(block, r, g * 32) * <f64>x.rows[t].scale(g * 32);
    want += term;
    size += abs(term);
  }
  const wrong = abs(<f64>got - want);
  return wrong == 0 ? 0 : isNaN(wrong) ? Infinity : wrong / size;
}

describe("dot", () => {
  it("adds up the groups one by one, to the bit, within 3.5e-7 of the sums, for 1 to 40 tokens", () => {
    reseed(6);
    const kinds = dotKinds();
    for (let c = 0; c < COLUMNS.length; c++) {
      for (let t = 0; t < TOKENS.length; t++) {
        const block = packed(COLUMNS[c], 1 + ((c * 5 + t * 3) % 32), 0, false);
        for (let k = 0; k < kinds.length; k++) {
          for (let l = 0; l < 2; l++) {
            expect(productError(block, COLUMNS[c], TOKENS[t], 0, LARGEST[l], kinds[k])).toBeLessThan(LIMIT);
          }
        }
      }
    }
  });
  it("takes rows of x and leaves results any distance apart", () => {
    reseed(7);
    const kinds = dotKinds();
    for (let spare = 1; spare <= 5; spare++) {
      for (let t = 0; t < TOKENS.length; t++) {
        for (let k = 0; k < kinds.length; k++) {
          const block = packed(300, 32, 0, false);
          expect(productError(block, 300, TOKENS[t], spare, LARGEST[spare % 2], kinds[k])).toBeLessThan(LIMIT);
        }
      }
    }
  });
  it("holds the largest integers in all columns, of weights and of stored Q8_0", () => {
    reseed(8);
    const COLS: i32 = 9 * 32;
    const kinds = dotKinds();
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
        for (let k = 0; k < kinds.length; k++) {
          for (let l = 0; l < 2; l++) {
            const count = TOKENS[n];
            const x = new Rows(COLS, count, 0, LARGEST[l], kinds[k]);
            for (let t = 0; t < count; t++) {
              for (let c = 0; c < COLS; c++) {
                const minus = (sign == 2 && c % 2 == 1) || (sign == 3 && c % 2 == 0);
                x.rows[t].setInteger(c, minus ? -LARGEST[l] : LARGEST[l]);
              }
              for (let g = 0; g < 9; g++) x.rows[t].setScale(g * 32, 1);
            }
            const out = random(32 * count);
            x.multiply(FORMAT_INT8, block, COLS, count, at(out), 32);
            // Of at most 24 binary digits in f32, as all the sums before them.
            const most = <f32>32 * 127 * 9 * <f32>LARGEST[l];
            let wrong = 0;
            for (let i = 0; i < out.length; i++) if (out[i] != (sign == 1 || sign == 3 ? -most : most)) wrong++;
            x.multiply(FORMAT_INT8, block8, COLS, count, at(out), 32);
            for (let i = 0; i < out.length; i++) {
              if (rowError(address(block8), COLS, x, i / 32, i % 32, out[i]) > LIMIT) wrong++;
            }
            expect(wrong).toBe(0);
          }
        }
      }
    }
  });
  it("makes NaN of a token whose scale is infinite with zeros, and of no other", () => {
    reseed(9);
    const COLS: i32 = 320;
    const kinds = dotKinds();
    for (let n = 0; n < TOKENS.length; n++) {
      for (let k = 0; k < kinds.length; k++) {
        const count = TOKENS[n];
        const weights = random(32 * COLS);
        const block = emptyBlock(COLS);
        pack(address(block), COLS, at(weights), COLS, 1, 32);
        const x = new Rows(COLS, count, 0, LARGEST[n % 2], kinds[k]);
        x.rows[count - 1].setScale(9 * 32, Infinity);
        for (let c = 288; c < 320; c++) x.rows[count - 1].setInteger(c, 0);
        const out = random(32 * count);
        x.multiply(FORMAT_INT8, block, COLS, count, at(out), 32);
        let wrong = 0;
        for (let i = 0; i < out.length; i++) if (isNaN(out[i]) != (i / 32 == count - 1)) wrong++;
        expect(wrong).toBe(0);
      }
    }
  });
});

describe("dot of several blocks in turn", () => {
  it("gives each of them the bits that it has alone", () => {
    reseed(10);
    const kinds = dotKinds();
    for (let n = 1; n <= 5; n++) {
      for (let k = 0; k < kinds.length; k++) {
        const cols = 64 * n - 31;
        const bytes = groups(cols) * 1088;
        const blocks = new StaticArray<u8>(bytes * n);
        for (let b = 0; b < n; b++)
          memory.copy(address(blocks) + b * bytes, address(packed(cols, 32, 0, false)), bytes);
        const count = 1;
        const x = new Rows(cols, count, 0, LARGEST[n % 2], kinds[k]);
        const out = random(32 * n * count + 4);
        const before = copy(out);
        x.multiplyInTurn(FORMAT_INT8, blocks, n, cols, count, at(out));
        let wrong = 0;
        for (let i = 0; i < out.length; i++) {
          const block = address(blocks) + (i / 32 / count) * bytes;
          const want = i < 32 * n * count ? oneByOne(block, cols, x, (i / 32) % count, i % 32) : before[i];
          if (reinterpret<u32>(out[i]) != reinterpret<u32>(want)) wrong++;
        }
        expect(wrong).toBe(0);
      }
    }
  });
});
