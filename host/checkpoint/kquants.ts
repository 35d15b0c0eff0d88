import type { Dtype, KQuant } from "./dtypes.ts";
import { half } from "./half.ts";

/** What the values of a group share: value = scale · q − least. */
interface Group {
  readonly scale: number;
  readonly least: number;
}

/** One of ggml's K-quants: blocks of 256 values in groups that share a scale. Sizes and offsets are in bytes. */
interface Layout {
  /** Values per group. */
  readonly values: 16 | 32;
  /** The scale and least value of group `g`. */
  group(block: DataView, g: number): Group;
  /** The integer of value `i`. */
  integer(block: DataView, i: number): number;
}

const LAYOUTS: Readonly<Record<KQuant, Layout>> = {
  Q2_K: {
    values: 16,
    group: (block, g) => ({
      scale: half(block, 80) * (block.getUint8(g) & 15),
      least: half(block, 82) * (block.getUint8(g) >> 4),
    }),
    integer: (block, i) => twoBits(block, 16, i),
  },
  Q3_K: {
    values: 16,
    group: (block, g) => {
      const low = block.getUint8(96 + (g & 7)) >> ((g >> 3) * 4);
      const high = block.getUint8(104 + (g & 3)) >> ((g >> 2) * 2);
      return { scale: half(block, 108) * (((low & 15) | ((high & 3) << 4)) - 32), least: 0 };
    },
    integer: (block, i) => twoBits(block, 32, i) - (bit(block, i & 31, i >> 5) ? 0 : 4),
  },
  Q4_K: { values: 32, group: packedScale, integer: (block, i) => nibble(block, 16, i) },
  Q5_K: {
    values: 32,
    group: packedScale,
    integer: (block, i) => nibble(block, 48, i) | (bit(block, 16 + (i & 31), i >> 5) << 4),
  },
  Q6_K: {
    values: 16,
    group: (block, g) => ({ scale: half(block, 208) * block.getInt8(192 + g), least: 0 }),
    integer: (block, i) => {
      const low = block.getUint8((i >> 7) * 64 + (i & 63)) >> ((i & 64) >> 4);
      return ((low & 15) | (twoBits(block, 128, i) << 4)) - 32;
    },
  },
};

export function isKQuant(dtype: Dtype): dtype is KQuant {
  return dtype in LAYOUTS;
}

/** The 256 values of one block, equal to those of assembly/kquants.ts. */
export function unpackK(dtype: KQuant, block: DataView, target: Float32Array): void {
  const { values, group, integer } = LAYOUTS[dtype];
  for (let first = 0; first < 256; first += values) {
    const { scale, least } = group(block, first / values);
    for (let i = first; i < first + values; i++) target[i] = scale * integer(block, i) - least;
  }
}

/** Q4_K and Q5_K: 6 bits of each scale and least value, packed into the 12 bytes after d and dmin. */
function packedScale(block: DataView, g: number): Group {
  const byte = (i: number) => block.getUint8(4 + i);
  const [scale, least] =
    g < 4
      ? [byte(g) & 63, byte(g + 4) & 63]
      : [(byte(g + 4) & 15) | ((byte(g - 4) >> 6) << 4), (byte(g + 4) >> 4) | ((byte(g) >> 6) << 4)];
  return { scale: half(block, 0) * scale, least: half(block, 2) * least };
}

/** Value `i` where 32 bytes hold four runs of 32 values (2 bits each), from `at` on. */
function twoBits(block: DataView, at: number, i: number): number {
  return (block.getUint8(at + (i >> 7) * 32 + (i & 31)) >> (((i >> 5) & 3) * 2)) & 3;
}

/** Value `i` where 32 bytes hold two runs of 32 values (4 bits each). */
function nibble(block: DataView, at: number, i: number): number {
  return (block.getUint8(at + (i >> 6) * 32 + (i & 31)) >> (((i >> 5) & 1) * 4)) & 15;
}

function bit(block: DataView, at: number, i: number): number {
  return (block.getUint8(at) >> i) & 1;
}
