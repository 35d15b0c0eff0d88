// Stored number formats against decoders that follow the formats' descriptions value by value, in f64. Every format is
// exact, so the limit is 0; sources lie at any address.
import {
  DTYPE_BF16,
  DTYPE_F16,
  DTYPE_F32,
  DTYPE_Q4_0,
  DTYPE_Q4_1,
  DTYPE_Q5_0,
  DTYPE_Q5_1,
  DTYPE_Q8_0,
} from "../../assembly/abi";
import { decode, storedBytes } from "../../assembly/dtypes";
import { at, bits, random, reseed } from "./support";

/** ±(1 + m/2^digits)·2^(e − bias); subnormal with e = 0; infinite or NaN with the largest e. */
function float(pattern: u32, digits: i32, exponentBits: i32): f64 {
  const m = <f64>(pattern & ((1 << digits) - 1)) / <f64>(1 << digits);
  const e = (pattern >> digits) & ((1 << exponentBits) - 1);
  const sign: f64 = (pattern >> (digits + exponentBits)) & 1 ? -1 : 1;
  const bias = (1 << (exponentBits - 1)) - 1;
  if (e == (1 << exponentBits) - 1) return m ? NaN : sign * Infinity;
  return e ? sign * (1 + m) * 2.0 ** <f64>(<i32>e - bias) : sign * m * 2.0 ** <f64>(1 - bias);
}

/** The same number with the same sign of zero, or NaN both. */
function same(got: f32, want: f64): bool {
  return isNaN(want) ? isNaN(got) : reinterpret<u64>(<f64>got) == reinterpret<u64>(want);
}

/** Value `i` of a block, as ggml describes it. */
function quantised(block: usize, dtype: i32, i: i32): f64 {
  const d = float(load<u16>(block), 10, 5);
  if (dtype == DTYPE_Q8_0) return d * <f64>load<i8>(block + 2 + i);
  const hasMin = dtype == DTYPE_Q4_1 || dtype == DTYPE_Q5_1;
  const five = dtype == DTYPE_Q5_0 || dtype == DTYPE_Q5_1;
  let q = block + (hasMin ? 4 : 2);
  let high = 0;
  if (five) {
    high = (load<u8>(q + i / 8) >> (<u8>(i % 8))) & 1;
    q += 4;
  }
  const nibble = i < 16 ? load<u8>(q + i) & 15 : load<u8>(q + i - 16) >> 4;
  const value = <f64>((high << 4) + nibble);
  return hasMin ? d * value + float(load<u16>(block + 2), 10, 5) : d * (value - (five ? 16 : 8));
}

/** The bytes of each dtype's block of 32 values. */
const BLOCK: i32[] = [128, 64, 64, 18, 20, 22, 24, 34];
const BLOCKED: i32[] = [DTYPE_Q4_0, DTYPE_Q4_1, DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_Q8_0];

describe("storedBytes", () => {
  it("is what the blocks take", () => {
    for (let dtype = 0; dtype < BLOCK.length; dtype++) {
      for (let n = 0; n <= 5; n++) expect(storedBytes(dtype, n * 32)).toBe(n * BLOCK[dtype]);
    }
    expect(storedBytes(DTYPE_F32, 7)).toBe(28);
    expect(storedBytes(DTYPE_F16, 7)).toBe(14);
    expect(storedBytes(DTYPE_BF16, 7)).toBe(14);
  });
});

describe("decode", () => {
  it("f16: all 65,536 patterns, at an odd address", () => {
    expect(wrongHalves(DTYPE_F16, 10, 5)).toBe(0);
  });
  it("bf16: all 65,536 patterns, at an odd address", () => {
    expect(wrongHalves(DTYPE_BF16, 7, 8)).toBe(0);
  });
  it("f32: the same bits, at an odd address", () => {
    const src = new StaticArray<u8>(4 * 1000 + 1);
    for (let i = 0; i < src.length; i++) src[i] = <u8>bits();
    const dst = random(1001);
    const behind = dst[1000];
    decode(at(dst), changetype<usize>(src) + 1, DTYPE_F32, 1000);
    expect(memory.compare(at(dst), changetype<usize>(src) + 1, 4000)).toBe(0);
    expect(dst[1000]).toBe(behind);
  });
  it("Q4_0, Q4_1, Q5_0, Q5_1, Q8_0: random blocks, at any address", () => {
    reseed(1);
    for (let d = 0; d < BLOCKED.length; d++) {
      for (let offset = 0; offset < 4; offset++) {
        for (let blocks = 1; blocks <= 5; blocks++) expect(wrongBlocks(BLOCKED[d], blocks, offset)).toBe(0);
      }
    }
  });
});

function wrongHalves(dtype: i32, digits: i32, exponentBits: i32): i32 {
  const src = new StaticArray<u8>(2 * 65536 + 1);
  const p = changetype<usize>(src) + 1;
  for (let i = 0; i < 65536; i++) store<u16>(p + (i << 1), <u16>i);
  const dst = new StaticArray<f32>(65537);
  dst[65536] = 7;
  decode(at(dst), p, dtype, 65536);
  let wrong = dst[65536] == 7 ? 0 : 1;
  for (let i = 0; i < 65536; i++) if (!same(dst[i], float(i, digits, exponentBits))) wrong++;
  return wrong;
}

function wrongBlocks(dtype: i32, blocks: i32, offset: i32): i32 {
  const size = BLOCK[dtype];
  const src = new StaticArray<u8>(blocks * size + offset);
  for (let i = 0; i < src.length; i++) src[i] = <u8>bits();
  const p = changetype<usize>(src) + offset;
  for (let b = 0; b < blocks; b++) {
    // Finite scales and minima of either sign, normal and subnormal ones.
    store<u16>(p + b * size, (<u16>(bits() % 0x7c00)) | (((<u16>bits()) & 1) << 15));
    if (dtype == DTYPE_Q4_1 || dtype == DTYPE_Q5_1) {
      store<u16>(p + b * size, (<u16>(bits() % 0x7c00)) | (((<u16>bits()) & 1) << 15), 2);
    }
  }
  const dst = random(blocks * 32 + 4);
  const behind = dst[blocks * 32];
  decode(at(dst), p, dtype, blocks * 32);
  let wrong = dst[blocks * 32] == behind ? 0 : 1;
  for (let i = 0; i < blocks * 32; i++) {
    // One rounding to f32, that of the sum with the minimum: products are exact in both.
    const want = <f32>quantised(p + (i / 32) * size, dtype, i % 32);
    if (dst[i] != want) wrong++;
  }
  return wrong;
}
