// K-quants against a decoder that looks up one value at a time, in f64, by the formats' descriptions: which bits of the
// block make value `i`, which scale and which least value belong to it. The limit is 0; blocks lie at any address.
import { DTYPE_Q2_K, DTYPE_Q3_K, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K } from "../../assembly/abi";
import { decode, storedBytes } from "../../assembly/dtypes";
import { at, bits, random, reseed } from "./support";

const FORMATS: i32[] = [DTYPE_Q2_K, DTYPE_Q3_K, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K];
const BYTES: i32[] = [84, 110, 144, 176, 210];
/** Where d and dmin are; -1: there is no dmin. */
const D: i32[] = [80, 108, 0, 0, 208];
const DMIN: i32[] = [82, -1, 2, 2, -1];

describe("K-quants", () => {
  it("take their bytes", () => {
    for (let f = 0; f < 5; f++) {
      for (let n = 0; n < 4; n++) expect(storedBytes(FORMATS[f], 256 * n)).toBe(n * BYTES[f]);
    }
  });
  it("decode to the described values, at any address", () => {
    reseed(1);
    for (let f = 0; f < 5; f++) {
      for (let offset = 0; offset < 4; offset++) {
        for (let blocks = 1; blocks <= 5; blocks++) expect(wrongValues(f, blocks, offset)).toBe(0);
      }
    }
  });
});

function wrongValues(f: i32, blocks: i32, offset: i32): i32 {
  const size = BYTES[f];
  const src = new StaticArray<u8>(blocks * size + offset);
  for (let i = 0; i < src.length; i++) src[i] = <u8>bits();
  const p = changetype<usize>(src) + offset;
  for (let b = 0; b < blocks; b++) {
    store<u16>(p + b * size + D[f], finite());
    if (DMIN[f] >= 0) store<u16>(p + b * size + DMIN[f], finite());
  }
  const dst = random(blocks * 256 + 4);
  const behind = dst[blocks * 256];
  decode(at(dst), p, FORMATS[f], blocks * 256);
  let wrong = dst[blocks * 256] == behind ? 0 : 1;
  for (let i = 0; i < blocks * 256; i++) {
    // Both are exact but for one rounding to f32.
    if (dst[i] != <f32>value(p + (i / 256) * size, f, i % 256)) wrong++;
  }
  return wrong;
}

/** Half precision of either sign, normal or not, but finite. */
function finite(): u16 {
  return (<u16>(bits() % 0x7c00)) | (((<u16>bits()) & 1) << 15);
}

function half(p: usize): f64 {
  const h = load<u16>(p);
  const e = (h >> 10) & 31;
  const m = <f64>(h & 1023);
  const size = e ? (1024 + m) * 2.0 ** <f64>(<i32>e - 25) : m * 2.0 ** -24;
  return h >> 15 ? -size : size;
}

/** Bit `i` of the bytes from `p` on, the lowest of a byte first. */
function bit(p: usize, i: i32): i32 {
  return (load<u8>(p + (i >> 3)) >> (<u8>(i & 7))) & 1;
}

/** `count` bits of the byte at `p`, from bit `first` on. */
function field(p: usize, first: i32, count: i32): i32 {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += bit(p, first + i) << i;
  return sum;
}

function value(block: usize, f: i32, i: i32): f64 {
  const half1 = i / 128;
  const inHalf = i % 128;
  const d = half(block + D[f]);
  const dmin = DMIN[f] < 0 ? 0 : half(block + DMIN[f]);
  if (f == 0) {
    // Each half's 32 bytes hold its values 0..31 in their lowest two bits, 32..63 in the next two, and so on.
    const q = field(block + 16 + 32 * half1 + (inHalf % 32), 2 * (inHalf / 32), 2);
    return d * <f64>field(block + i / 16, 0, 4) * <f64>q - dmin * <f64>field(block + i / 16, 4, 4);
  }
  if (f == 1) {
    const q = field(block + 32 + 32 * half1 + (inHalf % 32), 2 * (inHalf / 32), 2);
    const top = bit(block + (i % 32), i / 32);
    const g = i / 16;
    const low = field(block + 96 + (g % 8), 4 * (g / 8), 4);
    const scale = low + 16 * field(block + 104 + (g % 4), 2 * (g / 4), 2) - 32;
    return d * <f64>scale * <f64>(q + 4 * top - 4);
  }
  if (f == 4) {
    const low = field(block + 64 * half1 + (inHalf % 64), 4 * (inHalf / 64), 4);
    const high = field(block + 128 + 32 * half1 + (inHalf % 32), 2 * (inHalf / 32), 2);
    return d * <f64>load<i8>(block + 192 + i / 16) * <f64>(low + 16 * high - 32);
  }
  // Q4_K and Q5_K: 32 bytes hold 32 values in their lower halves and the next 32 in their upper halves.
  const g = i / 32;
  const q = field(block + (f == 2 ? 16 : 48) + 32 * (g / 2) + (i % 32), 4 * (g % 2), 4);
  const top = f == 3 ? bit(block + 16 + (i % 32), g) : 0;
  const s = block + 4;
  const scale = g < 4 ? field(s + g, 0, 6) : field(s + g + 4, 0, 4) + 16 * field(s + g - 4, 6, 2);
  const least = g < 4 ? field(s + g + 4, 0, 6) : field(s + g + 4, 4, 4) + 16 * field(s + g, 6, 2);
  return d * <f64>scale * <f64>(q + 16 * top) - dmin * <f64>least;
}
