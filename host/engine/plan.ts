import * as abi from "../../assembly/abi.ts";
import * as buf from "../../assembly/buffers.ts";
import * as W from "../../assembly/slots.ts";
import { byteLength, type Dtype } from "../checkpoint/dtypes.ts";
import { WEIGHT_FORMAT_NAMES, type WeightFormat, weightFormat, wholeUnits } from "../checkpoint/weight-formats.ts";
import { WkvError } from "../errors.ts";
import type { Entry, MatrixEntry, TableEntry } from "../models/collector.ts";
import type { Recipe } from "../models/recipe.ts";
import type { Shape } from "../models/version.ts";
import { count } from "../models/weights.ts";

/** Maximum rows of a batch whose logits can be requested at once. */
export const MAX_WANTED = 16;
/** Values that the loader takes at a time, if a tensor can be sliced. */
const SLICE_VALUES = 1 << 19;
/** Slices in flight at the same time: one is read while another is packed. A third gained no time. */
const LANES = 2;
/** The limit of 32-bit addresses. */
const MEMORY_LIMIT = 2 ** 32;
const PAGE = 65536;
/** More than any version has in a layer. */
const MAX_PHASES = 12;
/**
 * 32 activations: a scale, a sum, 16-bit integers; for 8-bit activations, also the same as bytes
 * (assembly/quantise.ts).
 */
const QUANT_BYTES = 8 + 2 * abi.QUANT_VALUES;
const QUANT8_BYTES = QUANT_BYTES + abi.QUANT_VALUES;

/** The layout of the module's memory, in bytes; made before the memory exists. */
export interface Plan {
  readonly shape: Shape;
  readonly threads: number;
  readonly weights: WeightFormat;
  readonly groupNormEps: number;
  /** "source": the rows of a batch's tokens are all that is in memory of the embedding. */
  readonly embedding: "memory" | "source";
  readonly layerSlots: number;
  readonly globalSlots: number;
  readonly bufferTable: number;
  readonly batch: number;
  /** Times of the phases, if measured (f64). */
  readonly timestamps: number;
  readonly scratch: number;
  readonly scratchBytes: number;
  /** Addresses of each activation buffer and its quantised twin, bytes between rows; 0 if not needed. */
  readonly buffers: readonly BufferAddress[];
  readonly addresses: ReadonlyMap<Entry, number>;
  /** Stored bytes of the matrices that every token reads: all but the embedding. */
  readonly matrixBytes: number;
  /** Address of the packed weights, and their bytes: packed matrices, vectors, and the embedding as stored. */
  readonly firstWeight: number;
  readonly weightBytes: number;
  /**
   * While loading: addresses for stored values and for their f32 values, one of each per lane. Sessions use this space
   * later.
   */
  readonly staging: readonly { raw: number; f32: number }[];
  /** Address of the first session's state; the others follow. */
  readonly states: number;
  readonly stateBytes: number;
  /** Size of the memory with one session. */
  readonly pages: number;
}

export interface BufferAddress {
  readonly address: number;
  readonly stride: number;
  readonly quantised: number;
  readonly quantisedStride: number;
}

export interface PlanOptions {
  readonly threads: number;
  readonly weights: WeightFormat;
  readonly groupNormEps: number;
  /** Default: "memory". */
  readonly embedding?: "memory" | "source" | undefined;
}

/** @throws WkvError `too-large` if the model does not fit 32-bit WebAssembly, before any memory is allocated */
export function makePlan(recipe: Recipe, options: PlanOptions, file: string): Plan {
  const plan = layOut(recipe, options);
  if (fits(plan)) return plan;
  throw new WkvError(
    "too-large",
    `${file} needs ${arithmetic(plan)}; 32-bit WebAssembly has 4 GiB. ${advice(recipe, plan)}`,
  );
}

/** Whether 32-bit memory suffices. */
export function fits({ pages }: Plan): boolean {
  return pages * PAGE <= MEMORY_LIMIT;
}

function arithmetic({ pages, weightBytes, stateBytes, weights }: Plan): string {
  const rest = pages * PAGE - weightBytes - stateBytes;
  const parts = [
    `${gib(weightBytes)} of weights as ${weights}`,
    `${gib(stateBytes)} for a session`,
    `${gib(rest)} for the rest`,
  ];
  return `${gib(pages * PAGE)} GiB (${parts.join(", ")})`;
}

/** What would fit: the same model with smaller weights, or one with fewer parameters. */
function advice(recipe: Recipe, plan: Plan): string {
  const plans = WEIGHT_FORMAT_NAMES.map((weights) => layOut(recipe, { ...plan, weights }));
  const smaller = plans.find(fits);
  const outside = plan.embedding === "memory" && layOut(recipe, { ...plan, embedding: "source" });
  if (outside && fits(outside))
    return `With the embedding outside memory it needs ${gib(outside.pages * PAGE)} GiB: load it with embedding: "source".`;
  if (smaller)
    return `As ${smaller.weights} it needs ${gib(smaller.pages * PAGE)} GiB: load it with weights: "${smaller.weights}".`;
  const parameters = allEntries(recipe).reduce((sum, { weight }) => sum + count(weight.shape), 0);
  const room = MEMORY_LIMIT - (plan.pages * PAGE - plan.weightBytes);
  const largest = (room * parameters) / plan.weightBytes / 1e9;
  return `It has ${(parameters / 1e9).toFixed(1)} billion parameters; about ${largest.toFixed(1)} billion would fit: use a smaller one.`;
}

function allEntries(recipe: Recipe): Entry[] {
  return [...recipe.globals, ...recipe.layers.flat()];
}

/** The plan, whether it fits or not. */
export function layOut(recipe: Recipe, options: PlanOptions): Plan {
  const { shape } = recipe;
  const { threads, weights, embedding = "memory" } = options;
  let end = abi.TABLE + abi.TABLE_WORDS * 4;
  const take = (bytes: number) => {
    const address = align(end);
    end = address + bytes;
    return address;
  };
  const layerSlots = take(shape.layers * W.LAYER_SLOTS * abi.SLOT_BYTES);
  const globalSlots = take(W.GLOBAL_SLOTS * abi.SLOT_BYTES);
  const bufferTable = take(buf.COUNT * 16);
  const batch = take(abi.BATCH_BYTES);
  const timestamps = take((shape.layers * MAX_PHASES + 8) * 8);
  const scratchBytes = align(abi.SCRATCH_HEAD + 8 * shape.headSize);
  const scratch = take(threads * scratchBytes);
  const buffers = bufferRows(shape).map(({ rows, values, isInput }) => {
    const stride = values * 4;
    const quantisedStride = isInput ? quantisedBytes(values, weights) : 0;
    const [address, quantised] = [stride, quantisedStride].map((bytes) => (bytes > 0 ? take(rows * bytes) : 0));
    return { address, stride, quantised, quantisedStride } as BufferAddress;
  });

  const firstWeight = take(0);
  const entries = allEntries(recipe);
  const addresses = new Map(entries.map((e) => [e, take(entryBytes(e, weights, embedding))]));
  const states = align(end);
  const weightBytes = states - firstWeight;
  const stateBytes = align(shape.layers * shape.layerState * 4);
  const sliceValues = entries.reduce((most, e) => Math.max(most, stagedValues(e)), 0);
  const stagingBytes = align(sliceValues * 4);
  const staging = Array.from({ length: LANES }, (_, i) => ({
    raw: states + 2 * i * stagingBytes,
    f32: states + (2 * i + 1) * stagingBytes,
  }));
  const bytes = states + Math.max(2 * LANES * stagingBytes, stateBytes);
  return {
    ...options,
    embedding,
    shape,
    layerSlots,
    globalSlots,
    bufferTable,
    batch,
    timestamps,
    scratch,
    scratchBytes,
    buffers,
    addresses,
    matrixBytes: entries.reduce((sum, e) => sum + (e.kind === "matrix" ? fileBytes(e) : 0), 0),
    firstWeight,
    weightBytes,
    staging,
    states,
    stateBytes,
    pages: Math.ceil(bytes / PAGE),
  };
}

/** Bytes per row of quantised activations. */
function quantisedBytes(values: number, weights: WeightFormat): number {
  const { quantised, activations8 } = weightFormat(weights);
  return quantised ? (values / abi.QUANT_VALUES) * (activations8 ? QUANT8_BYTES : QUANT_BYTES) : 0;
}

/** Bytes of an entry in memory. */
function entryBytes(e: Entry, weights: WeightFormat, embedding: Plan["embedding"]): number {
  if (e.kind === "vector") return e.length * 4;
  if (e.kind === "table") return byteLength(e.weight.tensor.dtype, rowsInMemory(e, embedding) * e.cols);
  return weightFormat(matrixFormat(e, weights)).bytes(e.rows, e.cols);
}

function rowsInMemory({ rows }: TableEntry, embedding: Plan["embedding"]): number {
  return embedding === "source" ? Math.min(rows, abi.BATCH_MAX_ROWS) : rows;
}

function fileBytes({ weight, rows, cols }: MatrixEntry): number {
  return byteLength(weight.tensor.dtype, rows * cols);
}

/**
 * The format that a matrix is packed to. Some have too few columns for blocks. Small matrices, and those that lose most
 * with 4 bits, stay int8 unless the file has them in Q4_0; so do those stored in 4 bits with a least value, which would
 * be rounded twice.
 */
export function matrixFormat(e: MatrixEntry, weights: WeightFormat): WeightFormat {
  if (e.unquantised) return "f32";
  if (weights !== "int4") return weights;
  const { dtype, packed } = e.weight.tensor;
  if (packed) return dtype === weightFormat("int4").dtype ? "int4" : "int8";
  if (dtype === weightFormat("int4").dtype && !e.transposed) return "int4";
  return e.precise || WITH_LEAST_VALUE.includes(dtype) ? "int8" : "int4";
}

const WITH_LEAST_VALUE: readonly Dtype[] = ["Q4_1", "Q4_K"];

/** Rows loaded at a time: all of them if a matrix is stored by columns. */
export function rowsPerSlice(e: MatrixEntry | TableEntry): number {
  if (e.kind === "matrix" && e.transposed) return e.rows;
  return Math.max(1, Math.floor(SLICE_VALUES / e.cols / abi.UNIT_ROWS)) * abi.UNIT_ROWS;
}

function stagedValues(e: Entry): number {
  if (e.kind === "table") return 0;
  if (e.kind === "vector") return count(e.weight.shape);
  return Math.min(rowsPerSlice(e), e.rows) * e.cols;
}

/** Rows and values per row of each activation buffer that the version uses, and whether products read it. */
function bufferRows({ version, width, ffn, ranks, vocabSize }: Shape) {
  const rows = abi.BATCH_MAX_ROWS;
  const sizes = Array.from({ length: buf.COUNT }, () => ({ rows, values: 0, isInput: false }));
  const output = (values: number, ...buffers: number[]) => {
    for (const buffer of buffers) sizes[buffer] = { rows, values: wholeUnits(values), isInput: false };
  };
  const input = (values: number, ...buffers: number[]) => {
    for (const buffer of buffers) sizes[buffer] = { rows, values: wholeUnits(values), isInput: true };
  };
  output(width, buf.X, buf.NORMED, buf.R, buf.K, buf.V);
  input(width, buf.XR, buf.XK, buf.XV, buf.Y);
  input(ffn, buf.HIDDEN);
  output(width, ...version.buffers.results);
  input(width, ...version.buffers.inputs);
  ranks.forEach((rank, i) => {
    input(rank, buf.LORA_W + i);
  });
  sizes[buf.HEAD_IN] = { rows: MAX_WANTED, values: width, isInput: true };
  sizes[buf.LOGITS] = { rows: MAX_WANTED, values: wholeUnits(vocabSize), isInput: false };
  return sizes;
}

/** Everything starts on a cache line. */
function align(address: number): number {
  return Math.ceil(address / abi.LINE) * abi.LINE;
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(2);
}
