import * as abi from "../assembly/abi.ts";
import { byteLength } from "./checkpoint/checkpoint.ts";
import { WkvError } from "./errors.ts";
import type { Entry, Recipe, Shape } from "./models/recipe.ts";
import { count } from "./models/weights.ts";

/** Most rows of a batch whose logits can be asked for at once. */
export const MAX_WANTED = 16;
/** Values that the loader takes at a time, where a matrix can be taken in slices. */
const SLICE_VALUES = 1 << 20;
/** All that a 32-bit address can reach. */
const MEMORY_LIMIT = 2 ** 32;
const PAGE = 65536;

/** Where everything is in the module's memory, in bytes; made before the memory is. */
export interface Plan {
  readonly shape: Shape;
  readonly threads: number;
  readonly groupNormEps: number;
  readonly layerSlots: number;
  readonly globalSlots: number;
  readonly bufferTable: number;
  readonly batch: number;
  readonly scratch: number;
  readonly scratchBytes: number;
  /** Address of each activation buffer and bytes between its rows; 0 where the version needs none. */
  readonly buffers: readonly { address: number; stride: number }[];
  readonly places: ReadonlyMap<Entry, number>;
  /** Bytes of weights: packed matrices, vectors, and the embedding as stored. */
  readonly weightBytes: number;
  /** While loading: stored values, then the same as f32. Sessions take the place later. */
  readonly stagingRaw: number;
  readonly stagingF32: number;
  readonly sliceValues: number;
  /** The first session's state; the others follow. */
  readonly states: number;
  readonly stateBytes: number;
  /** Size of the memory with one session. */
  readonly pages: number;
}

/** @throws WkvError `too-large` when the model does not fit 32-bit WebAssembly, before any memory is taken */
export function makePlan(recipe: Recipe, threads: number, groupNormEps: number, file: string): Plan {
  const { shape } = recipe;
  let end = abi.TABLE + abi.TABLE_WORDS * 4;
  const take = (bytes: number) => {
    const address = align(end);
    end = address + bytes;
    return address;
  };
  const layerSlots = take(shape.layers * abi.LAYER_SLOTS * abi.SLOT_BYTES);
  const globalSlots = take(abi.GLOBAL_SLOTS * abi.SLOT_BYTES);
  const bufferTable = take(abi.BUFFERS * 8);
  const batch = take(abi.BATCH_BYTES);
  const scratchBytes = align(abi.SCRATCH_HEAD + 8 * shape.headSize);
  const scratch = take(threads * scratchBytes);
  const buffers = bufferRows(shape).map(({ rows, values }) => {
    const stride = values * 4;
    return { address: values > 0 ? take(rows * stride) : 0, stride };
  });

  const firstWeight = end;
  const entries = [...recipe.globals, ...recipe.layers.flat()];
  const places = new Map(entries.map((e) => [e, take(entryBytes(e))]));
  const weightBytes = end - firstWeight;

  const states = align(end);
  const stateBytes = align(shape.layers * shape.layerState * 4);
  const sliceValues = entries.reduce((most, e) => Math.max(most, stagedValues(e)), 0);
  const stagingF32 = align(states + sliceValues * 4);
  const bytes = Math.max(stagingF32 + sliceValues * 4, states + stateBytes);
  if (bytes > MEMORY_LIMIT)
    throw new WkvError(
      "too-large",
      `${file} needs ${gib(bytes)} GiB (${gib(weightBytes)} GiB of weights as f32, 4 bytes each), but 32-bit WebAssembly ` +
        "has 4 GiB: take a smaller model.",
    );
  return {
    shape,
    threads,
    groupNormEps,
    layerSlots,
    globalSlots,
    bufferTable,
    batch,
    scratch,
    scratchBytes,
    buffers,
    places,
    weightBytes,
    stagingRaw: states,
    stagingF32,
    sliceValues,
    states,
    stateBytes,
    pages: Math.ceil(bytes / PAGE),
  };
}

/** Bytes that an entry takes in memory. */
export function entryBytes(e: Entry): number {
  if (e.kind === "vector") return e.length * 4;
  if (e.kind === "table") return byteLength(e.weight.tensor.dtype, e.rows * e.cols);
  return padded(e.rows) * e.cols * 4;
}

/** Rows of a matrix that are loaded at a time: all of them when it is stored by columns. */
export function rowsPerSlice(e: Entry & { kind: "matrix" }): number {
  if (e.transposed) return e.rows;
  return Math.max(1, Math.floor(SLICE_VALUES / e.cols / abi.BLOCK_ROWS)) * abi.BLOCK_ROWS;
}

function stagedValues(e: Entry): number {
  if (e.kind === "table") return 0;
  if (e.kind === "vector") return count(e.weight.shape);
  return Math.min(rowsPerSlice(e), e.rows) * e.cols;
}

/** Rows and values per row of each activation buffer that the version uses. */
function bufferRows({ arch, width, ffn, ranks, vocabSize }: Shape): { rows: number; values: number }[] {
  const rows = abi.BATCH_MAX_ROWS;
  const sizes = Array.from({ length: abi.BUFFERS }, () => ({ rows, values: 0 }));
  const use = (values: number, ...buffers: number[]) => {
    for (const buffer of buffers) sizes[buffer] = { rows, values: padded(values) };
  };
  use(width, abi.BUF_X, abi.BUF_NORMED, abi.BUF_XR, abi.BUF_XK, abi.BUF_XV);
  use(width, abi.BUF_R, abi.BUF_K, abi.BUF_V, abi.BUF_Y);
  if (arch >= abi.RWKV5) use(width, abi.BUF_XG, abi.BUF_G);
  if (arch >= abi.RWKV6) use(width, abi.BUF_XW, abi.BUF_XA, abi.BUF_W);
  if (arch >= abi.RWKV7) use(width, abi.BUF_A, abi.BUF_V_FIRST);
  use(ffn, abi.BUF_HIDDEN);
  use(ranks[0], abi.BUF_LORA_W);
  use(ranks[1], abi.BUF_LORA_A);
  use(ranks[2], abi.BUF_LORA_V);
  use(ranks[3], abi.BUF_LORA_G);
  sizes[abi.BUF_HEAD_IN] = { rows: MAX_WANTED, values: width };
  sizes[abi.BUF_LOGITS] = { rows: MAX_WANTED, values: padded(vocabSize) };
  return sizes;
}

/** Rounded up to whole blocks of packed rows. */
function padded(rows: number): number {
  return Math.ceil(rows / abi.BLOCK_ROWS) * abi.BLOCK_ROWS;
}

/** Everything starts on a cache line. */
function align(address: number): number {
  return Math.ceil(address / abi.LINE) * abi.LINE;
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(2);
}
