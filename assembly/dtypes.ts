// Stored number formats to f32. The Q formats are ggml's: blocks of 32 values, an f16 scale d (and minimum m) in front;
// those with a K are in kquants.ts.
import {
  DTYPE_BF16,
  DTYPE_F16,
  DTYPE_F32,
  DTYPE_Q2_K,
  DTYPE_Q3_K,
  DTYPE_Q4_0,
  DTYPE_Q4_1,
  DTYPE_Q4_K,
  DTYPE_Q5_0,
  DTYPE_Q5_1,
  DTYPE_Q5_K,
  DTYPE_Q6_K,
  DTYPE_Q8_0,
} from "./abi";
import { f16, f16x4 } from "./half";
import { decodeK } from "./kquants";

/** Bytes of `count` values; `count` is a multiple of the format's block: 32 for Q, 256 for K-quants. */
export function storedBytes(dtype: i32, count: i32): usize {
  const n = <usize>count;
  switch (dtype) {
    case DTYPE_F16:
    case DTYPE_BF16:
      return n << 1;
    case DTYPE_Q4_0:
      return (n >> 5) * 18;
    case DTYPE_Q4_1:
      return (n >> 5) * 20;
    case DTYPE_Q5_0:
      return (n >> 5) * 22;
    case DTYPE_Q5_1:
      return (n >> 5) * 24;
    case DTYPE_Q8_0:
      return (n >> 5) * 34;
    case DTYPE_Q2_K:
      return (n >> 8) * 84;
    case DTYPE_Q3_K:
      return (n >> 8) * 110;
    case DTYPE_Q4_K:
      return (n >> 8) * 144;
    case DTYPE_Q5_K:
      return (n >> 8) * 176;
    case DTYPE_Q6_K:
      return (n >> 8) * 210;
    default:
      return n << 2;
  }
}

/** dst[0..count) = values at `src`, which need not be aligned. */
export function decode(dst: usize, src: usize, dtype: i32, count: i32): void {
  switch (dtype) {
    case DTYPE_F32:
      memory.copy(dst, src, (<usize>count) << 2);
      break;
    case DTYPE_F16:
      decodeHalves(dst, src, <usize>count);
      break;
    case DTYPE_BF16:
      for (let i: usize = 0; i < <usize>count; i++) store<u32>(dst + (i << 2), (<u32>load<u16>(src + (i << 1))) << 16);
      break;
    case DTYPE_Q2_K:
    case DTYPE_Q3_K:
    case DTYPE_Q4_K:
    case DTYPE_Q5_K:
    case DTYPE_Q6_K:
      for (let i = 0; i < count; i += 256, dst += 1024, src += storedBytes(dtype, 256)) decodeK(dst, src, dtype);
      break;
    default:
      for (let i = 0; i < count; i += 32, dst += 128, src += storedBytes(dtype, 32)) decodeBlock(dst, src, dtype);
  }
}

/** F16, four at a time. */
function decodeHalves(dst: usize, src: usize, count: usize): void {
  const fours = count & ~3;
  for (let i: usize = 0; i < fours; i += 4) v128.store(dst + (i << 2), f16x4(v128.load16x4_u(src + (i << 1))));
  for (let i = fours; i < count; i++) store<f32>(dst + (i << 2), f16(load<u16>(src + (i << 1))));
}

function decodeBlock(dst: usize, src: usize, dtype: i32): void {
  const d = f16(load<u16>(src));
  if (dtype == DTYPE_Q8_0) {
    for (let i: usize = 0; i < 32; i++) store<f32>(dst + (i << 2), d * <f32>load<i8>(src + i, 2));
    return;
  }
  const five = dtype == DTYPE_Q5_0 || dtype == DTYPE_Q5_1;
  const withMin = dtype == DTYPE_Q4_1 || dtype == DTYPE_Q5_1;
  const m = withMin ? f16(load<u16>(src, 2)) : <f32>0;
  const zero = withMin ? 0 : five ? 16 : 8;
  src += withMin ? 4 : 2;
  const high = five ? load<u32>(src) : 0;
  if (five) src += 4;
  for (let i: usize = 0; i < 16; i++) {
    const pair = <u32>load<u8>(src + i);
    const low = (pair & 15) | (((high >> (<u32>i)) & 1) << 4);
    const top = (pair >> 4) | (((high >> (<u32>(i + 16))) & 1) << 4);
    store<f32>(dst + (i << 2), d * <f32>(<i32>low - zero) + m);
    store<f32>(dst + ((i + 16) << 2), d * <f32>(<i32>top - zero) + m);
  }
}
