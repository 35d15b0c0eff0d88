/**
 * ggml's K-quants by their description, written as it walks through a block: from the first value to the last, with the
 * packed numbers unpacked beforehand. 256 values each.
 */
import type { KQuant } from "../../host/checkpoint/dtypes.ts";

type Block = { bytes: Uint8Array; half(at: number): number };

export const K_DECODE: Record<KQuant, (block: Block) => number[]> = {
  Q2_K: ({ bytes, half }) => {
    const [scales, values] = cut(bytes, 16, 64);
    return twoBits(values).map((q, i) => {
      const both = scales[Math.floor(i / 16)]!;
      return half(80) * (both % 16) * q - half(82) * Math.floor(both / 16);
    });
  },
  Q3_K: ({ bytes, half }) => {
    const [masks, values, packed] = cut(bytes, 32, 64, 12);
    const scales = sixteenScales(packed);
    const top = bitPlanes(masks);
    return twoBits(values).map((q, i) => half(108) * (scales[Math.floor(i / 16)]! - 32) * (q - (top[i] ? 0 : 4)));
  },
  Q4_K: ({ bytes, half }) => {
    const [, packed, values] = cut(bytes, 4, 12, 128);
    return withScales(nibbles(values), packed, half);
  },
  Q5_K: ({ bytes, half }) => {
    const [, packed, masks, values] = cut(bytes, 4, 12, 32, 128);
    const top = bitPlanes(masks);
    const integers = nibbles(values).map((q, i) => q + 16 * top[i]!);
    return withScales(integers, packed, half);
  },
  Q6_K: ({ bytes, half }) => {
    const [low, high, scales] = cut(bytes, 128, 64, 16);
    const four = [low.subarray(0, 64), low.subarray(64)].flatMap((part) => [
      ...Array.from(part, (byte) => byte % 16),
      ...Array.from(part, (byte) => Math.floor(byte / 16)),
    ]);
    const signed = new Int8Array(scales.slice().buffer);
    return twoBits(high).map((q, i) => half(208) * signed[Math.floor(i / 16)]! * (four[i]! + 16 * q - 32));
  },
};

function cut(bytes: Uint8Array, ...lengths: number[]): Uint8Array[] & [Uint8Array, Uint8Array, Uint8Array, Uint8Array] {
  let at = 0;
  return lengths.map((length) => bytes.subarray(at, (at += length))) as never;
}

/** Of each 32 bytes: their lowest two bits, then the next two, and so on. */
function twoBits(bytes: Uint8Array): number[] {
  const out: number[] = [];
  for (let half = 0; half < bytes.length; half += 32)
    for (const divisor of [1, 4, 16, 64])
      for (const byte of bytes.subarray(half, half + 32)) out.push(Math.floor(byte / divisor) % 4);
  return out;
}

/** Of each 32 bytes: their lower halves, then their upper ones. */
function nibbles(bytes: Uint8Array): number[] {
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at += 32)
    for (const divisor of [1, 16])
      for (const byte of bytes.subarray(at, at + 32)) out.push(Math.floor(byte / divisor) % 16);
  return out;
}

/** The lowest bits of 32 bytes, then the second ones, and so on. */
function bitPlanes(bytes: Uint8Array): number[] {
  return [1, 2, 4, 8, 16, 32, 64, 128].flatMap((bit) => Array.from(bytes, (byte) => (byte & bit ? 1 : 0)));
}

/** Q3_K: 16 numbers of 6 bits; the lower four in 8 bytes, first all lower halves; the upper two in 4 bytes. */
function sixteenScales(packed: Uint8Array): number[] {
  const low = [1, 16].flatMap((divisor) =>
    Array.from(packed.subarray(0, 8), (byte) => Math.floor(byte / divisor) % 16),
  );
  const high = [1, 4, 16, 64].flatMap((divisor) =>
    Array.from(packed.subarray(8), (byte) => Math.floor(byte / divisor) % 4),
  );
  return low.map((number, i) => number + 16 * high[i]!);
}

/** Q4_K and Q5_K: eight scales and eight least values of 6 bits; the first four of each are whole in a byte. */
function withScales(integers: number[], packed: Uint8Array, half: (at: number) => number): number[] {
  const [a, b, c] = [packed.subarray(0, 4), packed.subarray(4, 8), packed.subarray(8)];
  const upper = (bytes: Uint8Array) => Array.from(bytes, (byte) => 16 * Math.floor(byte / 64));
  const scales = [...Array.from(a, (byte) => byte % 64), ...upper(a).map((top, i) => top + (c[i]! % 16))];
  const least = [...Array.from(b, (byte) => byte % 64), ...upper(b).map((top, i) => top + Math.floor(c[i]! / 16))];
  return integers.map((q, i) => {
    const group = Math.floor(i / 32);
    return half(0) * scales[group]! * q - half(2) * least[group]!;
  });
}
