/** Numbers of 16 bits as f32, whose bits `toBits` makes. */
export function fromBits(halves: Uint16Array, toBits: (half: number) => number): Float32Array {
  return new Float32Array(Uint32Array.from(halves, toBits).buffer);
}

/** Half precision. Shifted into an f32's place the exponent is 112 too small; the multiplication mends it, for subnormals too. */
export function fromF16(halves: Uint16Array): Float32Array {
  const magnitudes = fromBits(halves, (half) => (half & 0x7fff) << 13).map((value) => value * 2 ** 112);
  const bits = new Uint32Array(magnitudes.buffer);
  halves.forEach((half, i) => {
    const special = (half & 0x7c00) === 0x7c00 ? 0x7f800000 : 0;
    bits[i] = (bits[i] as number) | special | ((half & 0x8000) << 16);
  });
  return magnitudes;
}

/** The half-precision number at a byte of a block. */
export function half(block: DataView, at: number): number {
  return fromF16(Uint16Array.of(block.getUint16(at, true)))[0] as number;
}
