import { BLOCK, type Dtype } from "./dtypes.ts";
import { fromBits, fromF16, half } from "./half.ts";
import { isKQuant, unpackK } from "./kquants.ts";

/**
 * Stored numbers as f32: the same values as assembly/dtypes.ts, for inspection without the module.
 * @param bytes whole blocks of the format, aligned to 4 bytes
 */
export function decodeValues(dtype: Dtype, bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, length } = bytes;
  if (dtype === "F32") return new Float32Array(buffer, byteOffset, length / 4);
  if (dtype === "F16") return fromF16(new Uint16Array(buffer, byteOffset, length / 2));
  if (dtype === "BF16") return fromBits(new Uint16Array(buffer, byteOffset, length / 2), (half) => half << 16);
  return fromBlocks(dtype, new DataView(buffer, byteOffset, length));
}

/**
 * ggml's blocks of 32 values: scale d, minimum m (in the _1 formats), high bits (in the Q5 formats), then the values.
 * Blocks of 256 values are in kquants.ts.
 */
function fromBlocks(dtype: Dtype, view: DataView): Float32Array {
  const { values, bytes } = BLOCK[dtype];
  const out = new Float32Array((view.byteLength / bytes) * values);
  for (let at = 0, first = 0; at < view.byteLength; at += bytes, first += values) {
    const block = new DataView(view.buffer, view.byteOffset + at, bytes);
    const target = out.subarray(first, first + values);
    if (dtype === "Q8_0") {
      const d = half(block, 0);
      for (let i = 0; i < 32; i++) target[i] = d * block.getInt8(2 + i);
    } else if (isKQuant(dtype)) {
      unpackK(dtype, block, target);
    } else {
      unpackNibbles(dtype, block, target);
    }
  }
  return out;
}

function unpackNibbles(dtype: Dtype, block: DataView, target: Float32Array): void {
  const withMinimum = dtype === "Q4_1" || dtype === "Q5_1";
  const withHighBits = dtype === "Q5_0" || dtype === "Q5_1";
  const d = half(block, 0);
  const m = withMinimum ? half(block, 2) : 0;
  const zero = withMinimum ? 0 : withHighBits ? 16 : 8;
  const at = withMinimum ? 4 : 2;
  const high = withHighBits ? block.getUint32(at, true) : 0;
  for (let i = 0; i < 16; i++) {
    const pair = block.getUint8((withHighBits ? at + 4 : at) + i);
    const low = (pair & 15) | (((high >>> i) & 1) << 4);
    const top = (pair >> 4) | (((high >>> (i + 16)) & 1) << 4);
    target[i] = Math.fround(d * (low - zero)) + m;
    target[i + 16] = Math.fround(d * (top - zero)) + m;
  }
}
