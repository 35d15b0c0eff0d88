import { RWKV4, RWKV7 } from "../assembly/abi.ts";
import { WkvError } from "./errors.ts";
import type { Shape } from "./models/recipe.ts";

// A saved state: 32 bytes of header, then f32, all little-endian.
//   "wkvs", layout version 1, architecture, layers, width, head size, values of state, values of logits (0 or vocabSize)
// State, layer after layer: ffn_x, att_x, then aa, bb, pp (RWKV-4), S[head][key][value] (5, 6) or S[head][value][key] (7).
const MAGIC = 0x73766b77;
const LAYOUT = 1;
const HEADER_WORDS = 8;

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
  for (const values of [swapHeads(shape, state), logits ?? []]) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return new Uint8Array(view.buffer);
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
  const state = swapHeads(shape, floats(0, stateCount));
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

/** RWKV-7's kernel keeps S[key][value], the published order is S[value][key]. Its own inverse. */
function swapHeads({ arch, layers, layerState, width, headSize }: Shape, state: Float32Array): Float32Array {
  const out = Float32Array.from(state);
  if (arch !== RWKV7) return out;
  const n = headSize;
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < width / n; head++) {
      const at = layer * layerState + 2 * width + head * n * n;
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out[at + i * n + j] = state[at + j * n + i] as number;
    }
  }
  return out;
}
