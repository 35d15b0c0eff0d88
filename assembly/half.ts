// Half precision to f32 and back.

/** The exact value of a half-precision number, subnormals, infinities and NaN included. */
// @ts-ignore: decorator
@inline
export function f16(h: u32): f32 {
  // Shifted into f32 position the exponent is 112 too small; the multiplication corrects it, also for subnormals.
  const magnitude = reinterpret<f32>((h & 0x7fff) << 13) * reinterpret<f32>(0x77800000);
  const special = (h & 0x7c00) == 0x7c00 ? <u32>0x7f800000 : 0;
  return reinterpret<f32>(reinterpret<u32>(magnitude) | special | ((h & 0x8000) << 16));
}

/** The same of the lower halves of four lanes; the upper ones are zero. */
// @ts-ignore: decorator
@inline
export function f16x4(h: v128): v128 {
  const exponent = v128.and(h, i32x4.splat(0x7c00));
  const magnitude = i32x4.shl(v128.and(h, i32x4.splat(0x7fff)), 13);
  const special = v128.and(i32x4.eq(exponent, i32x4.splat(0x7c00)), i32x4.splat(0x7f800000));
  const sign = i32x4.shl(v128.and(h, i32x4.splat(0x8000)), 16);
  return v128.or(v128.or(f32x4.mul(magnitude, i32x4.splat(0x77800000)), special), sign);
}

/** The bits of the half-precision number nearest to `x`, ties to even; the largest finite one beyond it. NaN is as good as that. */
export function halfBits(x: f32): u32 {
  const sign = (reinterpret<u32>(x) >> 16) & 0x8000;
  // Rounds by addition: to 2^-24, the last place of a subnormal, or to the last of ten digits.
  const magnitude = reinterpret<u32>(abs(x) * reinterpret<f32>(0x07800000));
  const nearest = (magnitude + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  return sign | min(nearest, 0x7bff);
}
