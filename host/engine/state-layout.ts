import { RWKV4, RWKV7 } from "../../assembly/abi.ts";
import type { Shape } from "../models/recipe.ts";

/** Value channels that the kernels keep together. */
const STRIP = 16;

/** RWKV-4's running maximum of exponents before the first token. */
const NO_EXPONENT = -1e30;

/** A moment of a session, outside the module's memory: what it has read so far, in constant size. */
export interface Snapshot {
  /** As the kernels keep it: `layers` times `layerState` values. */
  readonly state: Float32Array;
  /** After the last token, if there was one. */
  readonly logits: Float32Array | undefined;
}

/** Bytes that a snapshot takes. */
export function bytesOf({ state, logits }: Snapshot): number {
  return state.byteLength + (logits?.byteLength ?? 0);
}

/** The state before the first token. */
export function initialState({ arch, layers, layerState, width }: Shape): Float32Array {
  const state = new Float32Array(layers * layerState);
  if (arch === RWKV4)
    for (let i = 0; i < layers; i++) state.fill(NO_EXPONENT, i * layerState + 4 * width, (i + 1) * layerState);
  return state;
}

/** A part of a layer's state, as a tensor. */
export interface StatePart {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The parts of each layer's state, in their order: what the token shifts remember, and what the recurrence carries. */
export function stateParts({ arch, width, headSize }: Shape): StatePart[] {
  const vector = (name: string): StatePart => ({ name, shape: [width] });
  const shifts = [vector("ffn.x_prev"), vector("att.x_prev")];
  if (arch === RWKV4) return [...shifts, vector("att.aa"), vector("att.bb"), vector("att.pp")];
  return [...shifts, { name: "att.state", shape: [width / headSize, headSize, headSize] }];
}

/** A part of a state with its values. */
export interface StateTensor extends StatePart {
  readonly values: Float32Array;
}

/** A state as the tensors of a saved one: `blocks.N.` and the names of {@link stateParts}, in the published order. */
export function stateTensors(shape: Shape, kernel: Float32Array): StateTensor[] {
  const values = publishedOrder(shape, kernel);
  const parts = Array.from({ length: shape.layers }, (_, i) =>
    stateParts(shape).map((part) => ({ ...part, name: `blocks.${i}.${part.name}` })),
  ).flat();
  let end = 0;
  return parts.map((part) => {
    const begin = end;
    end += part.shape.reduce((product, n) => product * n, 1);
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
  const { arch, layers, layerState, width, headSize: n } = shape;
  if (arch === RWKV4) return;
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < width / n; head++) {
      let inKernel = layer * layerState + 2 * width + head * n * n;
      const first = inKernel;
      for (let strip = 0; strip < n; strip += STRIP) {
        for (let key = 0; key < n; key++) {
          for (let value = strip; value < Math.min(n, strip + STRIP); value++)
            visit(inKernel++, first + (arch === RWKV7 ? value * n + key : key * n + value));
        }
      }
    }
  }
}
