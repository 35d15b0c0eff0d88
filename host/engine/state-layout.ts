import type { Shape, StatePart } from "../models/version.ts";
import { count } from "../models/weights.ts";

/** Value channels that the kernels keep together. */
const STRIP = 16;

/** A snapshot of a session, outside the module's memory: what it has read so far, in constant size. */
export interface Snapshot {
  /** In kernel order: `layers` times `layerState` values. */
  readonly state: Float32Array;
  /** After the last token, if there was one. */
  readonly logits: Float32Array | undefined;
}

/** Bytes of a snapshot. */
export function bytesOf({ state, logits }: Snapshot): number {
  return state.byteLength + (logits?.byteLength ?? 0);
}

/** The state before the first token. */
export function initialState({ layers, layerState, stateParts }: Shape): Float32Array {
  const state = new Float32Array(layers * layerState);
  let begin = 0;
  for (const { shape, initial = 0 } of stateParts) {
    const end = begin + count(shape);
    if (initial !== 0)
      for (let i = 0; i < layers; i++) state.fill(initial, i * layerState + begin, i * layerState + end);
    begin = end;
  }
  return state;
}

/** A part of a state, with its values. */
export interface StateTensor extends Omit<StatePart, "initial"> {
  readonly values: Float32Array;
}

/** A state as the tensors of a saved state: `blocks.N.` and the parts' names, in published order. */
export function stateTensors(shape: Shape, kernel: Float32Array): StateTensor[] {
  const values = publishedOrder(shape, kernel);
  const parts = Array.from({ length: shape.layers }, (_, i) =>
    shape.stateParts.map((part) => ({ name: `blocks.${i}.${part.name}`, shape: part.shape })),
  ).flat();
  let end = 0;
  return parts.map((part) => {
    const begin = end;
    end += count(part.shape);
    return { ...part, values: values.subarray(begin, end) };
  });
}

/** A state in the published order: S[head][key][value] in RWKV-5 and 6, S[head][value][key] in RWKV-7. */
export function publishedOrder(shape: Shape, kernel: Float32Array): Float32Array {
  const published = kernel.slice();
  forEachHeadValue(shape, (inKernel, inPublished) => {
    published[inPublished] = kernel[inKernel] as number;
  });
  return published;
}

/** The inverse of publishedOrder. */
export function kernelOrder(shape: Shape, published: Float32Array): Float32Array {
  const kernel = published.slice();
  forEachHeadValue(shape, (inKernel, inPublished) => {
    kernel[inKernel] = published[inPublished] as number;
  });
  return kernel;
}

/** The kernels keep S[head][strip][key][value], strips of 16 value channels: assembly/wkv7.ts. */
function forEachHeadValue(shape: Shape, visit: (inKernel: number, inPublished: number) => void): void {
  const { version, layers, layerState, width, headSize: n } = shape;
  if (version.stateOrder === undefined) return;
  const valueFirst = version.stateOrder === "value-key";
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < width / n; head++) {
      let inKernel = layer * layerState + 2 * width + head * n * n;
      const first = inKernel;
      for (let strip = 0; strip < n; strip += STRIP) {
        for (let key = 0; key < n; key++) {
          for (let value = strip; value < Math.min(n, strip + STRIP); value++)
            visit(inKernel++, first + (valueFirst ? value * n + key : key * n + value));
        }
      }
    }
  }
}
