import { checkRange, type Source } from "../source/source.ts";
import type { Tensor } from "./checkpoint.ts";
import { damaged, quoted } from "./damage.ts";
import { byteLength, type Dtype } from "./dtypes.ts";

/** A range of bytes of a source, addressed from the range's start. */
export interface Extent {
  /** Bytes. */
  readonly size: number;
  read(target: Uint8Array, offset: number): Promise<void>;
}

/** More tensors than any model has: a longer header is an attempt to exhaust memory. */
export const MAX_TENSORS = 100_000;

/**
 * The range of `size` bytes of `source` from `start` on.
 * @throws WkvError `bad-file` if the source ends earlier
 */
export function extentOf(source: Source, start: number, size: number): Extent {
  checkRange(source.name, source.size, start, size);
  return { size, read: (target, offset) => source.read(target, start + offset) };
}

/**
 * Number of values in a tensor of this shape; a scalar's shape is empty. Exact up to 2^53, and never too small beyond.
 */
export function valueCount(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}

/** A tensor whose row-major bytes are the extent's first bytes. */
export function storedTensor(name: string, dtype: Dtype, shape: readonly number[], extent: Extent): Tensor {
  const size = byteLength(dtype, valueCount(shape));
  return {
    name,
    dtype,
    shape,
    async read(target, from) {
      checkSlice(name, size, from, target.length);
      await extent.read(target, from);
    },
  };
}

/** Called by every `Tensor.read`. A slice outside the tensor is the caller's mistake, not the file's. */
export function checkSlice(name: string, size: number, from: number, length: number): void {
  if (!(Number.isSafeInteger(from) && from >= 0 && from + length <= size))
    throw new RangeError(
      `"from" expected a slice within the ${size} bytes of tensor ${quoted(name)}, got ${from} to ${from + length}`,
    );
}

/**
 * Adds a tensor to a directory.
 * @throws WkvError `bad-file` for a duplicate name or too many tensors
 */
export function addTensor(tensors: Map<string, Tensor>, tensor: Tensor, file: string): void {
  if (tensors.has(tensor.name))
    throw damaged(file, `two tensors are named ${quoted(tensor.name)}; convert the model again.`);
  if (tensors.size >= MAX_TENSORS)
    throw damaged(file, `more than ${MAX_TENSORS} tensors: this is not a model that wkv can run.`);
  tensors.set(tensor.name, tensor);
}
