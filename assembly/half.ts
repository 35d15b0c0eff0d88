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

/** The bits of the half-precision number nearest to `x`, ties to even, clamped to the largest finite one, as is NaN. */
export function halfBits(x: f32): u32 {
  const sign = (reinterpret<u32>(x) >> 16) & 0x8000;
  // Rounds by addition: to 2^-24, the last place of a subnormal, or to the last of ten digits.
  const magnitude = reinterpret<u32>(abs(x) * reinterpret<f32>(0x07800000));
  const nearest = (magnitude + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  return sign | min(nearest, 0x7bff);
}
