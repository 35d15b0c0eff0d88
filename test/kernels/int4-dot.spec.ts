// Products of int4 weights: the bits of a scalar twin, for any number of tokens, by every kind of dot product that this
// machine has.
import { FORMAT_INT4 } from "../../assembly/abi";
import { pack, packQ4 } from "../../assembly/formats/int4-pack";
import { BYTES, integer, scale } from "./int4-blocks";
import { address, randomBytes } from "./int8-blocks";
import { Rows } from "./rows";
import { at, copy, random, reseed } from "./support";
import { dotKinds } from "./twin";

/** Columns around whole groups of 32. */
const COLUMNS: i32[] = [1, 31, 32, 33, 100, 256, 257, 600];
const TOKENS: i32[] = [1, 2, 3, 4, 6, 7, 40];
const scratch = new StaticArray<u8>(1152);

function groups(cols: i32): i32 {
  return (cols + 31) / 32;
}

function packed(cols: i32, rows: i32): StaticArray<u8> {
  const block = randomBytes(groups(cols) * BYTES);
  pack(address(block), cols, at(random(rows * cols)), cols, 1, rows, address(scratch));
  return block;
}

/** Row `r` times token `t`: exact sums of 32 columns, times their scales, added one after the other in f32. */
function twin(block: usize, cols: i32, x: Rows, t: i32, r: i32): f32 {
  let total: f32 = 0;
  for (let g = 0; g < cols; g += 32) {
    let sum = 0;
    for (let c = g; c < min(cols, g + 32); c++) sum += integer(block, r, c) * x.rows[t].integer(c);
    total += <f32>sum * (scale(block, r, g) * x.rows[t].scale(g));
  }
  return total;
}

/** Values that have not the twin's bits, or were written beyond a unit's rows. */
function wrongBits(block: StaticArray<u8>, cols: i32, x: Rows, count: i32, outStride: i32): i32 {
  const out = random(outStride * count + 4);
  const before = copy(out);
  x.multiply(FORMAT_INT4, block, cols, count, at(out), outStride);
  let wrong = 0;
  for (let i = 0; i < out.length; i++) {
    const t = i / outStride;
    const r = i % outStride;
    const want = t == count || r >= 32 ? before[i] : twin(address(block), cols, x, t, r);
    if (reinterpret<u32>(out[i]) != reinterpret<u32>(want) && !(out[i] == 0 && want == 0)) wrong++;
  }
  return wrong;
}

describe("dot", () => {
  it("has the bits of the twin for 1 to 40 tokens, rows of x and results any distance apart", () => {
    reseed(1);
    const kinds = dotKinds();
    for (let c = 0; c < COLUMNS.length; c++) {
      for (let t = 0; t < TOKENS.length; t++) {
        const block = packed(COLUMNS[c], 1 + ((c * 5 + t * 3) % 32));
        for (let k = 0; k < kinds.length; k++) {
          const x = new Rows(COLUMNS[c], TOKENS[t], t % 3, 127, kinds[k]);
          expect(wrongBits(block, COLUMNS[c], x, TOKENS[t], 32 + (t % 2) * 5)).toBe(0);
        }
      }
    }
  });
  it("holds the largest integers in all columns, of either sign", () => {
    reseed(2);
    const COLS: i32 = 288;
    const kinds = dotKinds();
    for (let sign = 0; sign < 4; sign++) {
      const stored = new StaticArray<u8>(32 * 9 * 18);
      for (let g = 0; g < 32 * 9; g++) {
        store<u16>(address(stored) + g * 18, sign & 1 ? 0xbc00 : 0x3c00);
        memory.fill(address(stored) + g * 18 + 2, sign & 2 ? 0xff : 0, 16);
      }
      const block = new StaticArray<u8>(9 * BYTES);
      packQ4(address(block), COLS, address(stored), 9 * 18, 32, address(scratch));
      for (let n = 0; n < TOKENS.length; n++) {
        for (let k = 0; k < kinds.length; k++) {
          const x = new Rows(COLS, TOKENS[n], 0, 127, kinds[k]);
          for (let t = 0; t < TOKENS[n]; t++) {
            for (let c = 0; c < COLS; c++) x.rows[t].setInteger(c, t % 2 ? -127 : 127);
          }
          expect(wrongBits(block, COLS, x, TOKENS[n], 32)).toBe(0);
        }
      }
    }
  });
  it("makes NaN of a token whose scale is infinite with zeros, and of no other", () => {
    reseed(3);
    const COLS: i32 = 320;
    const kinds = dotKinds();
    for (let n = 0; n < TOKENS.length; n++) {
      for (let k = 0; k < kinds.length; k++) {
        const count = TOKENS[n];
        const x = new Rows(COLS, count, 0, 127, kinds[k]);
        x.rows[count - 1].setScale(288, Infinity);
        for (let c = 288; c < 320; c++) x.rows[count - 1].setInteger(c, 0);
        const out = random(32 * count);
        x.multiply(FORMAT_INT4, packed(COLS, 32), COLS, count, at(out), 32);
        let wrong = 0;
        for (let i = 0; i < out.length; i++) if (isNaN(out[i]) != (i / 32 == count - 1)) wrong++;
        expect(wrong).toBe(0);
      }
    }
  });
});

describe("dot of several blocks in turn", () => {
  it("gives each of them the bits that it has alone", () => {
    reseed(4);
    const kinds = dotKinds();
    for (let n = 1; n <= 5; n++) {
      for (let k = 0; k < kinds.length; k++) {
        const cols = 64 * n - 31;
        const bytes = groups(cols) * BYTES;
        const blocks = new StaticArray<u8>(bytes * n);
        for (let b = 0; b < n; b++) memory.copy(address(blocks) + b * bytes, address(packed(cols, 32)), bytes);
        const count = 1;
        const x = new Rows(cols, count, 0, 127, kinds[k]);
        const out = random(32 * n * count + 4);
        const before = copy(out);
        x.multiplyInTurn(FORMAT_INT4, blocks, n, cols, count, at(out));
        let wrong = 0;
        for (let i = 0; i < out.length; i++) {
          const block = address(blocks) + (i / 32 / count) * bytes;
          const want = i < 32 * n * count ? twin(block, cols, x, (i / 32) % count, i % 32) : before[i];
          if (reinterpret<u32>(out[i]) != reinterpret<u32>(want) && !(out[i] == 0 && want == 0)) wrong++;
        }
        expect(wrong).toBe(0);
      }
    }
  });
});
