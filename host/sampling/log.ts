const bits = new DataView(new ArrayBuffer(8));

/**
 * ln x for positive normal numbers, with a relative error of at most 4.5e-16, from operations fixed by IEEE 754: the
 * last bit of Math.log may differ between engines. x = m · 2^n with m from √½ to √2; ln m = 2 artanh s, s = (m − 1) /
 * (m + 1).
 */
export function log(x: number): number {
  bits.setFloat64(0, x);
  let n = (bits.getUint32(0) >>> 20) - 1023;
  bits.setUint32(0, (bits.getUint32(0) & 0xfffff) | 0x3ff00000);
  let m = bits.getFloat64(0);
  if (m > Math.SQRT2) {
    m /= 2;
    n++;
  }
  const s = (m - 1) / (m + 1);
  let series = 0;
  for (let i = 23; i > 0; i -= 2) series = series * s * s + 1 / i;
  return n * Math.LN2 + 2 * s * series;
}
