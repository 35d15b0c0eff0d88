import { WkvError } from "../errors.ts";
import type { Tensor } from "./checkpoint.ts";
import { quoted } from "./damage.ts";
import { BLOCK, type Dtype } from "./dtypes.ts";
import { checkSlice, type Extent, storedTensor, valueCount } from "./stored.ts";

/** A torch tensor's view of its storage; all counts are values, not bytes. */
export interface View {
  readonly shape: readonly number[];
  /** Distance in the storage between neighbours along each axis. */
  readonly strides: readonly number[];
  /** Index of the first value in the storage. */
  readonly offset: number;
}

/** Bytes of storage in memory at a time while a view is gathered. */
const WINDOW = 1 << 20;

/** Limit in bytes for a gathered view, which is in memory as a whole; no model's matrix comes near it. */
const MAX_GATHERED = 2 ** 30;

/** Why this view of a storage of `stored` values is invalid; undefined if it is valid. */
export function viewProblem(view: View, stored: number): string | undefined {
  if (valueCount(view.shape) === 0) return undefined;
  const last = view.shape.reduce((at, size, axis) => at + (size - 1) * view.strides[axis]!, view.offset);
  if (!(last < stored)) return `needs value ${last} of a storage of ${stored} values`;
  if (repeats(view)) return "reads the same stored values more than once";
  return undefined;
}

/** The view as a tensor: a contiguous view is read in place, any other is gathered. The view must be valid. */
export function viewTensor(name: string, dtype: Dtype, view: View, storage: Extent): Tensor {
  const unit = BLOCK[dtype].bytes;
  const size = valueCount(view.shape) * unit;
  if (isContiguous(view)) {
    const start = view.offset * unit;
    return storedTensor(name, dtype, view.shape, {
      size,
      read: (target, offset) => storage.read(target, start + offset),
    });
  }
  if (size > MAX_GATHERED)
    throw new WkvError(
      "too-large",
      `tensor ${quoted(name)} is a strided view of ${size} bytes, too large to rearrange while loading: ` +
        "save it again with .contiguous().",
    );
  return gatheredTensor(name, dtype, view, storage, size);
}

/**
 * Gathered as a whole at the first read, because any part of a transposed matrix costs a pass over its storage, and
 * released after its last byte has been read: readers go front to back.
 */
function gatheredTensor(name: string, dtype: Dtype, view: View, storage: Extent, size: number): Tensor {
  let gathered: Promise<Uint8Array> | undefined;
  return {
    name,
    dtype,
    shape: view.shape,
    async read(target, from) {
      checkSlice(name, size, from, target.length);
      const reading = (gathered ??= gather(view, BLOCK[dtype].bytes, storage));
      try {
        target.set((await reading).subarray(from, from + target.length));
      } catch (error) {
        gathered = undefined; // a failed read may succeed the next time
        throw error;
      }
      if (from + target.length === size) gathered = undefined;
    },
  };
}

/** The view's values in row-major order; `unit` is bytes per value, 2 or 4. */
async function gather(view: View, unit: number, storage: Extent): Promise<Uint8Array> {
  const Values = unit === 2 ? Uint16Array : Uint32Array;
  const count = valueCount(view.shape);
  const out = new Values(count);
  const axes = axesInStorageOrder(view);
  const index = axes.map(() => 0);
  let window = new Values(0);
  let windowStart = 0;
  let from = view.offset;
  let to = 0;
  for (let done = 0; done < count; done++) {
    if (from - windowStart >= window.length) {
      windowStart = from;
      window = new Values(Math.min(WINDOW / unit, Math.floor(storage.size / unit) - from));
      await storage.read(new Uint8Array(window.buffer), from * unit);
    }
    out[to] = window[from - windowStart]!;
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      const { size, stride, step } = axes[axis]!;
      from += stride;
      to += step;
      if (++index[axis]! < size) break;
      index[axis] = 0;
      from -= size * stride;
      to -= size * step;
    }
  }
  return new Uint8Array(out.buffer);
}

interface Axis {
  readonly size: number;
  /** Distance between neighbours in the storage, in values. */
  readonly stride: number;
  /** Distance between neighbours in row-major order, in values. */
  readonly step: number;
}

/**
 * Walked in this order, outermost first, the axes traverse the storage front to back, so one moving window is enough.
 */
function axesInStorageOrder({ shape, strides }: View): Axis[] {
  return shape
    .map((size, axis) => ({ size, stride: strides[axis]!, step: valueCount(shape.slice(axis + 1)) }))
    .filter(({ size }) => size > 1)
    .sort((a, b) => b.stride - a.stride);
}

function isContiguous(view: View): boolean {
  return valueCount(view.shape) === 0 || axesInStorageOrder(view).every(({ stride, step }) => stride === step);
}

/** Whether a stored value may appear twice, as after `expand()`: such a view can be far larger than its file. */
function repeats(view: View): boolean {
  let extent = 1;
  for (const { size, stride } of axesInStorageOrder(view).reverse()) {
    if (stride < extent) return true;
    extent += (size - 1) * stride;
  }
  return false;
}
