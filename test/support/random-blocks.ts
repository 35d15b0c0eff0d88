import { BLOCK, byteLength, type Dtype } from "../../host/checkpoint/dtypes.ts";
import type { Sample } from "./make-checkpoints.ts";
import { random } from "./random.ts";

/** What quantisers take: the large matrices of the blocks. */
export function isQuantised({ name }: Sample): boolean {
  return /\.(att|ffn)\.\w+\.weight$/.test(name) && !name.includes("ln_x");
}

/** Bits of a half-precision number, and of a bfloat16, so small that no value of a random model grows too large. */
const SMALL_HALF = 0x2000;
const SMALL_BF16 = 0x3d00;

/** Where a block has its scale, and its least value; how much smaller the scale must be than SMALL_HALF, in its exponent. */
const FIELDS: Partial<Record<Dtype, { at: readonly number[]; smaller: number }>> = {
  Q4_1: { at: [0, 2], smaller: 0 },
  Q5_1: { at: [0, 2], smaller: 0 },
  Q8_0: { at: [0], smaller: 4 },
  Q2_K: { at: [80, 82], smaller: 4 },
  Q3_K: { at: [108], smaller: 5 },
  Q4_K: { at: [0, 2], smaller: 6 },
  Q5_K: { at: [0, 2], smaller: 6 },
  Q6_K: { at: [208], smaller: 7 },
};

/** Any blocks of a format, as large as the sample; their scales and least values are small, of either sign. */
export function randomBlocks({ name, shape }: Sample, dtype: Exclude<Dtype, "F32">): Sample {
  const next = random(name.length);
  const count = shape.reduce((a, b) => a * b, 1);
  const bytes = Uint8Array.from({ length: byteLength(dtype, count) }, () => next(256));
  const view = new DataView(bytes.buffer);
  const small = () => 0x8000 * next(2) + (dtype === "BF16" ? SMALL_BF16 + next(256) : SMALL_HALF + next(1024));
  const { at: fields, smaller } = FIELDS[dtype] ?? { at: [0], smaller: 0 };
  for (let at = 0; at < bytes.length; at += BLOCK[dtype].bytes)
    for (const field of fields) view.setUint16(at + field, small() - (smaller << 10), true);
  return { name, dtype, shape, bytes };
}
