import { BLOCK, type Dtype } from "../../host/checkpoint/dtypes.ts";
import { K_DECODE } from "./kquant-values.ts";
import type { Sample } from "./make-checkpoints.ts";

/** The numbers of a tensor, each by its format's definition. */
export function values({ dtype, bytes }: Sample): Float32Array {
  const { values: perBlock, bytes: size } = BLOCK[dtype];
  const decode = DECODE[dtype];
  const out = new Float32Array((bytes.length / size) * perBlock);
  for (let at = 0, block = 0; at < bytes.length; at += size, block++)
    out.set(decode(new DataView(bytes.buffer, bytes.byteOffset + at, size)), block * perBlock);
  return out;
}

/** The same tensor as float32. */
export function asFloat32(sample: Sample): Sample {
  return sample.dtype === "F32" ? sample : float32(sample.name, sample.shape, values(sample));
}

export function float32(name: string, shape: readonly number[], numbers: Iterable<number>): Sample {
  return { name, dtype: "F32", shape: [...shape], bytes: new Uint8Array(Float32Array.from(numbers).buffer) };
}

/** The same tensor in another format of plain numbers, rounded to it. */
export function asDtype(sample: Sample, dtype: "F32" | "F16" | "BF16"): Sample {
  if (sample.dtype === dtype) return sample;
  if (dtype === "F32") return asFloat32(sample);
  const numbers = values(sample);
  const words = new Uint32Array(numbers.buffer);
  const halves = Uint16Array.from(numbers, (number, i) => (dtype === "BF16" ? words[i]! >>> 16 : halfBits(number)));
  return { ...sample, dtype, bytes: new Uint8Array(halves.buffer) };
}

/** The bits of the nearest half-precision number. */
function halfBits(number: number): number {
  const size = Math.abs(number);
  const exponent = Math.floor(Math.log2(size));
  const bits = size < 2 ** -14 ? size * 2 ** 24 : (exponent + 14) * 1024 + (size / 2 ** exponent) * 1024;
  return Math.round(bits) + (number < 0 ? 0x8000 : 0);
}

/** The last two axes swapped. */
export function transposed(sample: Sample): Sample {
  const [rows, columns] = sample.shape.slice(-2) as [number, number];
  const size = BLOCK[sample.dtype].bytes;
  const bytes = new Uint8Array(sample.bytes.length);
  for (let i = 0; i * size < bytes.length; i++) {
    const inMatrix = i % (rows * columns);
    const from = i - inMatrix + (inMatrix % rows) * columns + Math.floor(inMatrix / rows);
    bytes.set(sample.bytes.subarray(from * size, (from + 1) * size), i * size);
  }
  return { ...sample, shape: [...sample.shape.slice(0, -2), columns, rows], bytes };
}

/** One block: a number, or 32 or 256 that share a scale d (and a least value m), as ggml defines them. */
const DECODE: Record<Dtype, (block: DataView) => number[]> = {
  F32: (block) => [block.getFloat32(0, true)],
  F16: (block) => [half(block, 0)],
  BF16: (block) => [fromBits(block.getUint16(0, true) << 16)],
  Q4_0: (block) => nibbles(block, 2).map((q) => (q - 8) * half(block, 0)),
  Q4_1: (block) => nibbles(block, 4).map((q) => q * half(block, 0) + half(block, 2)),
  Q5_0: (block) => fifthBits(block, 2, nibbles(block, 6)).map((q) => (q - 16) * half(block, 0)),
  Q5_1: (block) => fifthBits(block, 4, nibbles(block, 8)).map((q) => q * half(block, 0) + half(block, 2)),
  Q8_0: (block) => Array.from({ length: 32 }, (_, i) => block.getInt8(2 + i) * half(block, 0)),
  Q2_K: (block) => K_DECODE.Q2_K(parts(block)),
  Q3_K: (block) => K_DECODE.Q3_K(parts(block)),
  Q4_K: (block) => K_DECODE.Q4_K(parts(block)),
  Q5_K: (block) => K_DECODE.Q5_K(parts(block)),
  Q6_K: (block) => K_DECODE.Q6_K(parts(block)),
};

function parts(block: DataView) {
  const bytes = new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
  return { bytes, half: (at: number) => half(block, at) };
}

/** The low halves of 16 bytes, then the high ones. */
function nibbles(block: DataView, at: number): number[] {
  const low = Array.from({ length: 16 }, (_, i) => block.getUint8(at + i) & 15);
  const high = Array.from({ length: 16 }, (_, i) => block.getUint8(at + i) >> 4);
  return [...low, ...high];
}

function fifthBits(block: DataView, at: number, low: number[]): number[] {
  const bits = block.getUint32(at, true);
  return low.map((q, i) => q + (((bits >>> i) & 1) << 4));
}

function half(view: DataView, at: number): number {
  const bits = view.getUint16(at, true);
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

function fromBits(bits: number): number {
  return new Float32Array(Int32Array.of(bits).buffer)[0]!;
}
