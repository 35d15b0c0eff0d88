// What packing keeps of weights, and of Q8_0 as it is stored.
import { NOT_FINITE, QUANT_VALUES, UNIT_ROWS } from "../../assembly/abi";
import { f16 } from "../../assembly/half";
import { pack, packQ8 } from "../../assembly/formats/int8-pack";
import { blockBytes, decodeScale, encodeScale } from "../../assembly/formats/int8-block";
import {
  address,
  COLUMNS,
  emptyBlock,
  integer,
  packed,
  randomBytes,
  sameBehind,
  sameBytes,
  scale,
  wrongPadding,
  wrongWeights,
} from "./int8-blocks";
import { at, bits, random, reseed, uniform } from "./support";

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
