// What packing keeps of weights, and of Q4_0 as it is stored.
import { NOT_FINITE } from "../../assembly/abi";
import { blockBytes } from "../../assembly/formats/int4-block";
import { pack, packQ4 } from "../../assembly/formats/int4-pack";
import { f16, halfBits } from "../../assembly/half";
import { BYTES, integer, scale } from "./int4-blocks";
import { address, randomBytes, sameBytes } from "./int8-blocks";
import { at, bits, random, reseed, uniform } from "./support";

const COLUMNS: i32[] = [1, 31, 32, 33, 64, 100];
const BEHIND: i32 = 16;
const scratch = new StaticArray<u8>(1152);

describe("halfBits", () => {
  it("is the inverse of f16 for every finite number, and the nearest for others", () => {
    let wrong = 0;
    for (let h: u32 = 0; h < 0x10000; h++) if ((h & 0x7c00) != 0x7c00 && halfBits(f16(h)) != h) wrong++;
    expect(wrong).toBe(0);
    reseed(1);
    for (let i = 0; i < 10000; i++) {
      const x = <f32>(<f64>uniform(-2, 2) * 2.0 ** <f64>((bits() % 28) - 13));
      const h = halfBits(x);
      const error = abs(f16(h) - x);
      if (error > abs(f16(h + 1) - x) || ((h & 0x7fff) > 0 && error > abs(f16(h - 1) - x))) wrong++;
    }
    expect(wrong).toBe(0);
    expect(f16(halfBits(1e9))).toBe(65504);
    expect(f16(halfBits(-1e9))).toBe(-65504);
  });
});

/** A packed block, with nothing changed behind it. */
function packed(cols: i32, rows: i32, src: StaticArray<f32>, rowStride: i32, colStride: i32): StaticArray<u8> {
  const bytes = <i32>blockBytes(cols);
  const block = randomBytes(bytes + BEHIND);
  const before = StaticArray.slice<u8>(block);
  pack(address(block), cols, at(src), rowStride, colStride, rows, address(scratch));
  expect(memory.compare(address(block) + bytes, address(before) + bytes, BEHIND)).toBe(0);
  return block;
}

/** Squared error of a row's 32 columns with the best of many scales, of either sign. */
function leastError(src: StaticArray<f32>, first: i32, step: i32, n: i32): f64 {
  let largest: f64 = 0;
  for (let c = 0; c < n; c++) largest = max(largest, abs(<f64>src[first + c * step]));
  let least = Infinity;
  for (let trial = -400; trial <= 400; trial++) {
    const d = (largest / 7) * (<f64>trial / 300);
    let error: f64 = 0;
    for (let c = 0; c < n; c++) {
      const x = <f64>src[first + c * step];
      const q = trial == 0 ? 0 : max(-8.0, min(7.0, nearest<f64>(x / d)));
      error += (x - q * d) * (x - q * d);
    }
    least = min(least, error);
  }
  return least;
}

describe("pack", () => {
  it("is within 20 % of the least squared error of a row, within 3 % in all, from rows and from columns", () => {
    reseed(2);
    let sum: f64 = 0;
    let least: f64 = 0;
    for (let i = 0; i < COLUMNS.length; i++) {
      for (let rows = 1; rows <= 32; rows += 5) {
        const cols = COLUMNS[i];
        const transposed = rows % 2 == 0;
        const rowStride = transposed ? 1 : cols + 3;
        const colStride = transposed ? rows + 2 : 1;
        const src = random(rows * rowStride + cols * colStride);
        // Bells rather than boxes, as weights are.
        for (let k = 0; k < src.length; k++) src[k] = src[k] + uniform(-1, 1) + uniform(-1, 1);
        const block = address(packed(cols, rows, src, rowStride, colStride));
        for (let r = 0; r < rows; r++) {
          for (let g = 0; g < cols; g += 32) {
            let error: f64 = 0;
            const n = min(32, cols - g);
            for (let c = g; c < g + n; c++) {
              const wrong =
                <f64>src[r * rowStride + c * colStride] - <f64>integer(block, r, c) * <f64>scale(block, r, c);
              error += wrong * wrong;
            }
            const best = leastError(src, r * rowStride + g * colStride, colStride, n);
            if (n == 32) expect(error).toBeLessThan(best * 1.2);
            sum += error;
            least += best;
          }
        }
        let padding = 0;
        for (let r = 0; r < 32; r++) {
          for (let c = 0; c < ((cols + 31) & ~31); c++) {
            if ((r >= rows || c >= cols) && <f32>integer(block, r, c) * scale(block, r, c) != 0) padding++;
          }
        }
        expect(padding).toBe(0);
      }
    }
    expect(sum).toBeLessThan(least * 1.03);
  });
  it("makes the same bits of a matrix and of its transpose", () => {
    reseed(3);
    const src = random(32 * 72);
    const transposed = new StaticArray<f32>(32 * 72);
    for (let r = 0; r < 32; r++) for (let c = 0; c < 72; c++) transposed[c * 32 + r] = src[r * 72 + c];
    const one = new StaticArray<u8>(3 * BYTES);
    const other = new StaticArray<u8>(3 * BYTES);
    pack(address(one), 72, at(src), 72, 1, 32, address(scratch));
    pack(address(other), 72, at(transposed), 1, 32, 32, address(scratch));
    expect(sameBytes(one, other)).toBe(true);
  });
  it("keeps −8 to 7 times a half-precision number exactly, of either sign, and zeros", () => {
    reseed(4);
    const src = new StaticArray<f32>(32 * 32);
    for (let r = 0; r < 32; r++) {
      const d: f32 = r == 7 ? 0 : f16(0x1c00 + (bits() % 0x1000)) * (r % 2 ? -1 : 1);
      for (let c = 0; c < 32; c++) src[r * 32 + c] = d * <f32>(<i32>(bits() % 16) - 8);
      src[r * 32 + (r % 32)] = d * -8;
    }
    const block = address(packed(32, 32, src, 32, 1));
    let wrong = 0;
    for (let r = 0; r < 32; r++) {
      for (let c = 0; c < 32; c++) if (<f32>integer(block, r, c) * scale(block, r, c) != src[r * 32 + c]) wrong++;
    }
    expect(wrong).toBe(0);
  });
  it("says so when a value is NaN or infinite, and only then", () => {
    reseed(5);
    const SPECIAL: f32[] = [NaN, Infinity, -Infinity];
    const block = new StaticArray<u8>(2 * BYTES);
    for (let i = 0; i < SPECIAL.length; i++) {
      for (let c = 0; c < 64; c++) {
        const src = random(32 * 64);
        store<i32>(NOT_FINITE, 0);
        pack(address(block), 64, at(src), 64, 1, 32, address(scratch));
        expect(load<i32>(NOT_FINITE)).toBe(0);
        src[(c % 32) * 64 + c] = SPECIAL[i];
        pack(address(block), 64, at(src), 64, 1, 32, address(scratch));
        expect(load<usize>(NOT_FINITE)).toBe(address(block) + (c / 32) * BYTES);
      }
    }
  });
});

/** Packs rows of Q4_0 that start at any address and are `spare` bytes apart; counts what is not as it was stored. */
function wrongQ4(cols: i32, rows: i32, spare: i32): i32 {
  const rowBytes = (cols / 32) * 18 + spare;
  const src = randomBytes(rows * rowBytes + spare);
  const p = address(src) + spare;
  const bytes = <i32>blockBytes(cols);
  const block = randomBytes(bytes + BEHIND);
  const before = StaticArray.slice<u8>(block);
  store<i32>(NOT_FINITE, 0);
  packQ4(address(block), cols, p, rowBytes, rows, address(scratch));
  let wrong = memory.compare(address(block) + bytes, address(before) + bytes, BEHIND) == 0 ? 0 : 1;
  let finite = true;
  for (let r = 0; r < 32; r++) {
    for (let c = 0; c < cols; c++) {
      const stored = p + r * rowBytes + (c / 32) * 18;
      const got = integer(address(block), r, c);
      if (r >= rows) {
        if (got != 0 || scale(address(block), r, c) != 0) wrong++;
        continue;
      }
      const nibble = (load<u8>(stored + 2 + (c % 16)) >> (<u8>(c % 32 >= 16 ? 4 : 0))) & 15;
      if (got != <i32>nibble - 8) wrong++;
      if ((load<u16>(stored) & 0x7c00) == 0x7c00) finite = false;
      else if (scale(address(block), r, c) != f16(load<u16>(stored))) wrong++;
    }
  }
  if (finite != (load<i32>(NOT_FINITE) == 0)) wrong++;
  return wrong;
}

describe("packQ4", () => {
  it("keeps every integer and every scale, of either sign, whatever the rows, at any address", () => {
    reseed(6);
    for (let cols = 32; cols <= 160; cols += 32) {
      for (let rows = 1; rows <= 32; rows++) {
        for (let spare = 0; spare < 3; spare++) expect(wrongQ4(cols, rows, spare)).toBe(0);
      }
    }
  });
});
