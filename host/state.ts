import { RWKV4, RWKV7 } from "../assembly/abi.ts";
import { WkvError } from "./errors.ts";
import type { Shape } from "./models/recipe.ts";

// A saved state: 32 bytes of header, then f32, all little-endian.
//   "wkvs", layout version 1, architecture, layers, width, head size, values of state, values of logits (0 or vocabSize)
// State, layer after layer: ffn_x, att_x, then aa, bb, pp (RWKV-4), S[head][key][value] (5, 6) or S[head][value][key] (7).
const MAGIC = 0x73766b77;
const LAYOUT = 1;
const HEADER_WORDS = 8;

/** Value channels that the kernels keep together. */
const STRIP = 16;

/** RWKV-4's running maximum of exponents before the first token. */
const NO_EXPONENT = -1e30;

/** What a session is: its state as the kernels keep it, and the logits after its last token, if it had one. */
export interface SavedState {
  readonly state: Float32Array;
  readonly logits: Float32Array | undefined;
}

/** The state before the first token. */
export function initialState({ arch, layers, layerState, width }: Shape): Float32Array {
  const state = new Float32Array(layers * layerState);
  if (arch === RWKV4)
    for (let i = 0; i < layers; i++) state.fill(NO_EXPONENT, i * layerState + 4 * width, (i + 1) * layerState);
  return state;
}

/** The bytes of a saved state: the same on every machine and for any number of threads. */
export function writeState(shape: Shape, { state, logits }: SavedState): Uint8Array<ArrayBuffer> {
  const logitCount = logits?.length ?? 0;
  const view = new DataView(new ArrayBuffer(4 * (HEADER_WORDS + state.length + logitCount)));
  const header = [...identity(shape), state.length, logitCount];
  for (const [i, word] of header.entries()) view.setUint32(4 * i, word, true);
  let at = 4 * HEADER_WORDS;
  for (const values of [publishedOrder(shape, state), logits ?? []]) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return new Uint8Array(view.buffer);
}

/** Whether these are the first bytes of a saved state. */
export function isSavedState(head: Uint8Array): boolean {
  return head.length >= 4 && new DataView(head.buffer, head.byteOffset).getUint32(0, true) === MAGIC;
}

/** @throws WkvError `bad-state` when the bytes are no saved state, or one of another model */
export function readState(shape: Shape, bytes: Uint8Array): SavedState {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`"saved" expected a Uint8Array, got ${typeof bytes}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 * HEADER_WORDS || view.getUint32(0, true) !== MAGIC)
    throw new WkvError("bad-state", "These bytes are not a saved state: give what session.save() returned.");
  const word = (i: number) => view.getUint32(4 * i, true);
  checkIdentity(shape, word);
  const [stateCount, logitCount] = [word(6), word(7)];
  const complete = bytes.length === 4 * (HEADER_WORDS + stateCount + logitCount);
  if (!complete || stateCount !== shape.layers * shape.layerState || (logitCount && logitCount !== shape.vocabSize))
    throw new WkvError("bad-state", "The saved state is cut off or damaged: save it again.");
  const floats = (first: number, n: number) =>
    Float32Array.from({ length: n }, (_, i) => view.getFloat32(4 * (HEADER_WORDS + first + i), true));
  const state = kernelOrder(shape, floats(0, stateCount));
  return { state, logits: logitCount ? floats(stateCount, logitCount) : undefined };
}

function identity({ arch, layers, width, headSize }: Shape): number[] {
  return [MAGIC, LAYOUT, arch, layers, width, headSize];
}

function checkIdentity(shape: Shape, word: (i: number) => number): void {
  const names = ["magic", "layout version", "architecture (RWKV version)", "layers", "width", "head size"];
  identity(shape).forEach((expected, i) => {
    if (word(i) !== expected)
      throw new WkvError(
        "bad-state",
        `The saved state is of another model: its ${names[i]} is ${word(i)}, this model's is ${expected}.`,
      );
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
