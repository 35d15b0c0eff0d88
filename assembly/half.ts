// Half precision to f32.

/** The exact value of a half-precision number, subnormals, infinities and NaN included. */
// @ts-ignore: decorator
@inline
export function f16(h: u32): f32 {
  // Shifted into an f32's place the exponent is 112 too small; the multiplication mends it, for subnormals too.
  const magnitude = reinterpret<f32>((h & 0x7fff) << 13) * reinterpret<f32>(0x77800000);
  const special = (h & 0x7c00) == 0x7c00 ? <u32>0x7f800000 : 0;
  return reinterpret<f32>(reinterpret<u32>(magnitude) | special | ((h & 0x8000) << 16));
}
