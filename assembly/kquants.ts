// ggml's K-quants to f32: blocks of 256 values, in groups of 16 or 32 with small integers as scales, all multiplied by
// an f16 d; if groups have a least value as well, it is a small integer times an f16 dmin. Products of d, scale and
// value fit an f32's 24 bits, so only the subtraction of the least value rounds, once.
import { DTYPE_Q2_K, DTYPE_Q3_K, DTYPE_Q4_K, DTYPE_Q5_K } from "./abi";
import { f16 } from "./half";

/** dst[0..256) = the block at `src`. */
export function decodeK(dst: usize, src: usize, dtype: i32): void {
  switch (dtype) {
    case DTYPE_Q2_K:
      decodeQ2(dst, src);
      break;
    case DTYPE_Q3_K:
      decodeQ3(dst, src);
      break;
    case DTYPE_Q4_K:
      decodeQ4(dst, src, 0, src + 16);
      break;
    case DTYPE_Q5_K:
      decodeQ4(dst, src, src + 16, src + 48);
      break;
    default:
      decodeQ6(dst, src);
  }
}

/** scales u8[16] (least value in the upper half), values of 2 bits u8[64], d, dmin */
function decodeQ2(dst: usize, src: usize): void {
  const d = f16(load<u16>(src, 80));
  const dmin = f16(load<u16>(src, 82));
  for (let i: usize = 0; i < 16; i++, dst += 64) {
    const scale = <i32>load<u8>(src + i);
    put(dst, bits(quarter(src + 16, i), <i32>(i & 6), 3), d * <f32>(scale & 15), dmin * <f32>(scale >> 4));
  }
}

/** upper bits u8[32], lower 2 bits u8[64], scales of 6 bits u8[12], d; an upper bit is set where 4 is not subtracted */
function decodeQ3(dst: usize, src: usize): void {
  const d = f16(load<u16>(src, 108));
  for (let i: usize = 0; i < 16; i++, dst += 64) {
    const low = load<u8>(src + 96 + (i & 7)) >> (<u8>((i >> 3) << 2));
    const high = load<u8>(src + 104 + (i & 3)) >> (<u8>((i >> 2) << 1));
    const scale = <i32>((low & 15) | ((high & 3) << 4)) - 32;
    const top = i8x16.shl(bits(v128.load(src + ((i & 1) << 4)), <i32>(i >> 1), 1), 2);
    const q = v128.or(bits(quarter(src + 32, i), <i32>(i & 6), 3), top);
    put(dst, i8x16.sub(q, i8x16.splat(4)), d * <f32>scale, 0);
  }
}

/** Offset of the 16 values of group `i` among 2-bit values: 32 bytes hold four runs of 32 values. */
// @ts-ignore: decorator
@inline
function quarter(values: usize, i: usize): v128 {
  return v128.load(values + ((i >> 3) << 5) + ((i & 1) << 4));
}

/** d, dmin, scales and least values of 6 bits u8[12]; Q5 only: fifth bits u8[32], 0 in Q4; values of 4 bits u8[128] */
function decodeQ4(dst: usize, src: usize, fifth: usize, values: usize): void {
  const d = f16(load<u16>(src));
  const dmin = f16(load<u16>(src, 2));
  for (let i = 0; i < 8; i++, dst += 128) {
    const scale = d * <f32>scaleOf(src + 4, i);
    const least = dmin * <f32>leastOf(src + 4, i);
    const q = values + ((<usize>(i >> 1)) << 5);
    for (let at: usize = 0; at < 32; at += 16) {
      let x = bits(v128.load(q + at), (i & 1) << 2, 15);
      if (fifth) x = v128.or(x, i8x16.shl(bits(v128.load(fifth + at), i, 1), 4));
      put(dst + (at << 2), x, scale, least);
    }
  }
}

/** Of the 12 bytes, the first four hold scales, the next four least values, in 6 bits; the rest is 4 bits of either. */
// @ts-ignore: decorator
@inline
function scaleOf(scales: usize, i: i32): u32 {
  if (i < 4) return load<u8>(scales + i) & 63;
  return (load<u8>(scales + i + 4) & 15) | ((load<u8>(scales + i - 4) >> 6) << 4);
}

// @ts-ignore: decorator
@inline
function leastOf(scales: usize, i: i32): u32 {
  if (i < 4) return load<u8>(scales + i + 4) & 63;
  return (load<u8>(scales + i + 4) >> 4) | ((load<u8>(scales + i) >> 6) << 4);
}

/** lower 4 bits u8[128], upper 2 bits u8[64], scales i8[16], d; 32 is subtracted from each value */
function decodeQ6(dst: usize, src: usize): void {
  const d = f16(load<u16>(src, 208));
  for (let i: usize = 0; i < 16; i++, dst += 64) {
    const half = i >> 3;
    const low = v128.load(src + (half << 6) + ((i & 3) << 4));
    const high = v128.load(src + 128 + (half << 5) + ((i & 1) << 4));
    const q = v128.or(bits(low, <i32>(i & 4), 15), i8x16.shl(bits(high, <i32>(i & 6), 3), 4));
    put(dst, i8x16.sub(q, i8x16.splat(32)), d * <f32>load<i8>(src + 192 + i), 0);
  }
}

/** The bits of each byte that `mask` keeps after a shift to the right. */
// @ts-ignore: decorator
@inline
function bits(bytes: v128, shift: i32, mask: i8): v128 {
  return v128.and(i8x16.shr_u(bytes, shift), i8x16.splat(mask));
}

/** dst[0..16) = d·q − m for 16 signed bytes q. */
// @ts-ignore: decorator
@inline
function put(dst: usize, q: v128, d: f32, m: f32): void {
  const low = i16x8.extend_low_i8x16_s(q);
  const high = i16x8.extend_high_i8x16_s(q);
  putFour(dst, i32x4.extend_low_i16x8_s(low), d, m);
  putFour(dst + 16, i32x4.extend_high_i16x8_s(low), d, m);
  putFour(dst + 32, i32x4.extend_low_i16x8_s(high), d, m);
  putFour(dst + 48, i32x4.extend_high_i16x8_s(high), d, m);
}

// @ts-ignore: decorator
@inline
function putFour(dst: usize, q: v128, d: f32, m: f32): void {
  v128.store(dst, f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(q), f32x4.splat(d)), f32x4.splat(m)));
}
