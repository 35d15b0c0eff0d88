import type { Tensor } from "./checkpoint.ts";
import { damaged, quoted } from "./damage.ts";
import { BLOCK, type Dtype } from "./dtypes.ts";

/** A float inside a block: its offset and format. */
interface Field {
  readonly at: number;
  readonly bytes: 2 | 4;
  /** Bits of the smallest normal number, which are also one unit of the exponent. */
  readonly unit: number;
  /** Bits of infinity; NaNs are above. */
  readonly infinity: number;
}

const f32: Field = { at: 0, bytes: 4, unit: 1 << 23, infinity: 0x7f800000 };
const bf16: Field = { at: 0, bytes: 2, unit: 1 << 7, infinity: 0x7f80 };
const f16: Field = { at: 0, bytes: 2, unit: 1 << 10, infinity: 0x7c00 };

/**
 * The numbers of a block to multiply so that all its values are multiplied: the scale, and the minimum if there is one.
 */
const FIELDS: Readonly<Record<Dtype, readonly Field[]>> = {
  F32: [f32],
  BF16: [bf16],
  F16: [f16],
  Q4_0: [f16],
  Q4_1: [f16, { ...f16, at: 2 }],
  Q5_0: [f16],
  Q5_1: [f16, { ...f16, at: 2 }],
  Q8_0: [f16],
  Q2_K: [
    { ...f16, at: 80 },
    { ...f16, at: 82 },
  ],
  Q3_K: [{ ...f16, at: 108 }],
  Q4_K: [f16, { ...f16, at: 2 }],
  Q5_K: [f16, { ...f16, at: 2 }],
  Q6_K: [{ ...f16, at: 208 }],
};

/**
 * The tensor with all values multiplied by 2^`exponent`, in the same format: exact, since only exponents change.
 * @param exponent 0 or more
 * @param file file name for messages
 */
export function scaledTensor(tensor: Tensor, exponent: number, file: string): Tensor {
  if (exponent === 0) return tensor;
  const { dtype } = tensor;
  const block = BLOCK[dtype].bytes;
  const tooLarge = () =>
    damaged(file, `tensor ${quoted(tensor.name)} times 2^${exponent} overflows ${dtype}; convert it as F32.`);
  return {
    ...tensor,
    async read(target, from) {
      const first = Math.floor(from / block) * block;
      const length = Math.ceil((from + target.length) / block) * block - first;
      const blocks = length === target.length ? target : new Uint8Array(length);
      await tensor.read(blocks, first);
      const view = new DataView(blocks.buffer, blocks.byteOffset, length);
      for (const field of FIELDS[dtype])
        for (let at = field.at; at < length; at += block) if (!scale(view, at, field, exponent)) throw tooLarge();
      if (blocks !== target) target.set(blocks.subarray(from - first, from - first + target.length));
    },
  };
}

/** @returns false if the product overflows the format */
function scale(view: DataView, at: number, { bytes, unit, infinity }: Field, exponent: number): boolean {
  const bits = bytes === 2 ? view.getUint16(at, true) : view.getInt32(at, true);
  const signBit = bytes === 2 ? 0x8000 : 0x80000000 | 0;
  let magnitude = bits & ~signBit;
  if (magnitude === 0 || magnitude >= infinity) return true;
  // Doubling a subnormal number doubles its bits, also where the result becomes normal.
  for (; exponent > 0 && magnitude < unit; exponent--) magnitude *= 2;
  magnitude += exponent * unit;
  if (magnitude >= infinity) return false;
  const scaled = (bits & signBit) | magnitude;
  if (bytes === 2) view.setUint16(at, scaled, true);
  else view.setInt32(at, scaled, true);
  return true;
}
