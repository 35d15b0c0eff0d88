import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { kernelOrder, publishedOrder, type Snapshot } from "../engine/state-layout.ts";
import { WkvError } from "../errors.ts";
import type { Shape } from "../models/version.ts";
import { count } from "../models/weights.ts";
import { checkIdentity, type Identity } from "./identity.ts";

// A saved state is a .safetensors file: its metadata identify the model, its tensors are named `blocks.N.` and the
// names of shape.stateParts, plus `logits` [vocabSize] if the session has any. All values are f32.

/** Version of the file's contents, shapes and axis order. */
const LAYOUT = "2";
/** The first bytes of layout 1, which did not identify the model. */
const MAGIC_OF_1 = 0x73766b77;
const PREFIX_BYTES = 8;
/** About 130 bytes per tensor: room for 2,000 layers. */
export const MAX_HEADER_BYTES = 2 ** 20;

interface StateTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The contents of a saved session. */
export interface SavedState extends Snapshot {
  /** Permitted differences between the model and the one the state was saved with. */
  readonly warnings: readonly string[];
}

/** The bytes of a saved state: the same on every machine and for any number of threads. */
export function writeState(shape: Shape, model: Identity, { state, logits }: Snapshot): Uint8Array<ArrayBuffer> {
  let end = 0;
  const entries = tensorsOf(shape, logits !== undefined).map(({ name, shape }) => {
    const begin = end;
    end += 4 * count(shape);
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }] as const;
  });
  const header = { __metadata__: toMetadata(model), ...Object.fromEntries(entries) };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(PREFIX_BYTES + headerBytes + end).fill(0x20, 0, PREFIX_BYTES + headerBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, PREFIX_BYTES);
  const values = new Float32Array(bytes.buffer, PREFIX_BYTES + headerBytes);
  values.set(publishedOrder(shape, state));
  if (logits) values.set(logits, state.length);
  return bytes;
}

/** Whether a file opened as a checkpoint is a saved state. */
export function isSavedState({ tensors }: Checkpoint): boolean {
  return tensors.has("blocks.0.ffn.x_prev");
}

/**
 * The state in what `writeState` returned, or another program rewrote: tensors may come in any order.
 * @throws WkvError `bad-state` if the bytes are not a saved state, or belong to another model
 */
export function readState(shape: Shape, model: Identity, bytes: Uint8Array): SavedState {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`"saved" expected a Uint8Array, got ${typeof bytes}`);
  const { header, data } = splitFile(bytes);
  const warnings = checkIdentity(readMetadata(header), model);
  const tensors = tensorsOf(shape, "logits" in header);
  const extra = Object.keys(header).length - 1 - tensors.length;
  const all = tensors.map((tensor) => readTensor(tensor, header, data));
  const length = all.reduce((sum, values) => sum + values.length, 0);
  if (extra !== 0 || 4 * length !== data.length) throw damaged();
  const logits = "logits" in header ? all.pop() : undefined;
  const state = new Float32Array(shape.layers * shape.layerState);
  let at = 0;
  for (const values of all) {
    state.set(values, at);
    at += values.length;
  }
  return { state: kernelOrder(shape, state), logits, warnings };
}

/** In kernel order. */
function tensorsOf(shape: Shape, withLogits: boolean): StateTensor[] {
  const layer = (i: number) => shape.stateParts.map(({ name, shape }) => ({ name: `blocks.${i}.${name}`, shape }));
  const layers = Array.from({ length: shape.layers }, (_, i) => layer(i)).flat();
  return withLogits ? [...layers, { name: "logits", shape: [shape.vocabSize] }] : layers;
}

function toMetadata(model: Identity): Record<string, string> {
  return {
    format: "wkv-state",
    layout: LAYOUT,
    ...Object.fromEntries(Object.entries(model).map(([key, value]) => [key, String(value)])),
  };
}

/** @throws WkvError `bad-state` if the header is not that of a state in this layout */
function readMetadata({ __metadata__: metadata }: Record<string, unknown>): Identity {
  if (!isRecordOfText(metadata) || metadata.format !== "wkv-state") throw notSaved();
  const { layout, ...rest } = metadata;
  if (layout !== LAYOUT)
    throw new WkvError(
      "bad-state",
      `The saved state has layout ${String(layout).slice(0, 20)}, but this wkv reads layout ${LAYOUT}: ` +
        "read it with the version of wkv that saved it, or feed the text again.",
    );
  const text = (name: string) => String(rest[name]).slice(0, 40);
  const number = (name: string) => Number(rest[name]);
  return {
    version: text("version"),
    layers: number("layers"),
    width: number("width"),
    headSize: number("headSize"),
    vocabSize: number("vocabSize"),
    norms: text("norms"),
    matrices: text("matrices"),
    weights: text("weights") as Identity["weights"],
  };
}

/** As safetensors defines `__metadata__`. */
function isRecordOfText(value: unknown): value is Record<string, string> {
  return value !== null && typeof value === "object" && Object.values(value).every((each) => typeof each === "string");
}

function splitFile(bytes: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  if (bytes.length < PREFIX_BYTES) throw notSaved();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) === MAGIC_OF_1)
    throw new WkvError(
      "bad-state",
      "The state was saved by an early wkv, which did not record the model: feed the text again and save it again.",
    );
  const headerBytes = view.getBigUint64(0, true);
  if (headerBytes > MAX_HEADER_BYTES) throw notSaved();
  const dataStart = PREFIX_BYTES + Number(headerBytes);
  if (dataStart > bytes.length) throw damaged();
  // Not subarray: for a Buffer that gives a Buffer, whose slice() does not copy.
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + dataStart, bytes.length - dataStart);
  return { header: parseHeader(bytes.subarray(PREFIX_BYTES, dataStart)), data };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (header !== null && typeof header === "object") return header as Record<string, unknown>;
  } catch {
    // Not UTF-8 or not JSON: the same to the user.
  }
  throw notSaved();
}

/** @throws WkvError `bad-state` if it is missing, has another shape, or the file is truncated */
function readTensor({ name, shape }: StateTensor, header: Record<string, unknown>, data: Uint8Array): Float32Array {
  const { dtype, shape: found, data_offsets: offsets } = (header[name] ?? {}) as Record<string, unknown>;
  const [begin, end] = Array.isArray(offsets) ? offsets : [];
  const isPlace = Number.isSafeInteger(begin) && Number.isSafeInteger(end) && begin >= 0 && end <= data.length;
  const isShaped = Array.isArray(found) && found.length === shape.length && shape.every((axis, i) => found[i] === axis);
  if (dtype !== "F32" || !isShaped || !isPlace || end - begin !== 4 * count(shape)) throw damaged();
  return new Float32Array(data.slice(begin, end).buffer);
}

function notSaved(): WkvError {
  return new WkvError("bad-state", "These bytes are not a saved state: give what session.save() returned.");
}

function damaged(): WkvError {
  return new WkvError("bad-state", "The saved state is truncated or damaged: save it again.");
}
