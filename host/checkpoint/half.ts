/** 16-bit numbers as f32; `toBits` gives the f32's bits. */
export function fromBits(halves: Uint16Array, toBits: (half: number) => number): Float32Array {
  return new Float32Array(Uint32Array.from(halves, toBits).buffer);
}

/**
 * Half precision. Shifted into f32 position the exponent is 112 too small; the multiplication corrects it, also for
 * subnormals.
 */
export function fromF16(halves: Uint16Array): Float32Array {
  const magnitudes = fromBits(halves, (half) => (half & 0x7fff) << 13).map((value) => value * 2 ** 112);
  const bits = new Uint32Array(magnitudes.buffer);
  halves.forEach((half, i) => {
    const special = (half & 0x7c00) === 0x7c00 ? 0x7f800000 : 0;
    bits[i] = (bits[i] as number) | special | ((half & 0x8000) << 16);
  });
  return magnitudes;
}

/** The half-precision number at a byte offset of a block. */
export function half(block: DataView, at: number): number {
  return fromF16(Uint16Array.of(block.getUint16(at, true)))[0] as number;
}
