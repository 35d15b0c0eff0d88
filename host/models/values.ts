import { byteLength } from "../checkpoint/dtypes.ts";
import { decodeValues } from "../checkpoint/values.ts";
import { count, type Weight } from "./weights.ts";

/** The values of a small weight, in published order. @throws WkvError `bad-file` if the file is truncated */
export async function weightValues(weight: Weight): Promise<Float32Array> {
  const values = await storedValues(weight, 0, count(weight.shape));
  return weight.transposed ? swapLastAxes(values, weight.shape) : values;
}

/** `length` values from value `first` of a weight on, in the order of the file. */
export async function storedValues({ tensor, offset }: Weight, first: number, length: number): Promise<Float32Array> {
  const bytes = new Uint8Array(byteLength(tensor.dtype, length));
  await tensor.read(bytes, byteLength(tensor.dtype, offset + first));
  return decodeValues(tensor.dtype, bytes);
}

/** Values stored with the last two axes of `shape` swapped, in the order of `shape`. */
export function swapLastAxes(values: Float32Array, shape: readonly number[]): Float32Array {
  const [rows = 1, cols = 1] = shape.slice(-2);
  const out = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += rows * cols)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < cols; c++) out[at + r * cols + c] = values[at + c * rows + r] as number;
  return out;
}
