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

/** Values that the loader takes at a time, if a tensor can be sliced. */
const SLICE_VALUES = 1 << 19;
/** Rows of one session whose logits can be asked for at once. */
export const MAX_WANTED = 16;
/**
 * Most rows of a batch, and of those whose logits can be asked for. Where there are threads: with 64 sessions, 16 rows
 * of logits, of 262 KB each, would read the weights four times. Small: in an isolate of 128 MB, 9 MB of buffers are
 * saved and the event loop turns twice as often; a prompt is read about as fast.
 */
const LIMITS = {
  threads: { rows: abi.BATCH_MAX_ROWS, logits: 64, slice: SLICE_VALUES },
  alone: { rows: abi.BATCH_MAX_ROWS, logits: MAX_WANTED, slice: SLICE_VALUES },
  small: { rows: 64, logits: 4, slice: SLICE_VALUES / 2 },
} as const;
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
  /** Whether quantised activations have 8 bits rather than 14. */
  readonly activations8: boolean;
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
  /** Most rows of a batch, and of those whose logits can be asked for. */
  readonly batchRows: number;
  readonly logitsRows: number;
  readonly addresses: ReadonlyMap<Entry, number>;
  /** Bytes of the packed matrices, which every token reads. */
  readonly matrixBytes: number;
  /** Address of the packed weights, and their bytes: packed matrices, vectors, and the embedding as stored. */
  readonly firstWeight: number;
  readonly weightBytes: number;
  /**
   * While loading: addresses for stored values and for their f32 values, one of each per lane. The activation buffers
   * have this space later.
   */
  readonly staging: readonly { raw: number; f32: number }[];
  /** Values that the loader takes at a time, if a tensor can be sliced. */
  readonly sliceValues: number;
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
  /** Whether quantised activations have 8 bits rather than 14, though the weights do not need it. */
  readonly activations8?: boolean;
  /** Default: "memory". */
  readonly embedding?: "memory" | "source" | undefined;
  /** Whether memory is short: smaller batches. */
  readonly small?: boolean | undefined;
}

/**
 * @param maxBytes of memory that may be taken
 * @throws WkvError `too-large` when the model does not fit it or 32-bit WebAssembly, before any memory is taken
 */
export function makePlan(recipe: Recipe, options: PlanOptions, file: string, maxBytes = MEMORY_LIMIT): Plan {
  const plan = layOut(recipe, options);
  const limit = Math.min(maxBytes, MEMORY_LIMIT);
  if (fits(plan, limit)) return plan;
  const there = limit < MEMORY_LIMIT ? `${gib(limit)} GiB may be taken` : "32-bit WebAssembly has 4 GiB";
  throw new WkvError("too-large", `${file} needs ${arithmetic(plan)}; ${there}. ${advice(recipe, plan, limit)}`);
}

/** Whether 32-bit memory, or less, is enough. */
export function fits({ pages }: Plan, limit = MEMORY_LIMIT): boolean {
  return pages * PAGE <= limit;
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

/** What would fit: the same model with smaller weights, or one of as many bytes a parameter. */
function advice(recipe: Recipe, plan: Plan, limit: number): string {
  const plans = WEIGHT_FORMAT_NAMES.map((weights) => layOut(recipe, { ...plan, weights }));
  const smaller = plans.find((plan) => fits(plan, limit));
  const outside = plan.embedding === "memory" && layOut(recipe, { ...plan, embedding: "source" });
  if (outside && fits(outside, limit))
    return `With the embedding outside memory it needs ${gib(outside.pages * PAGE)} GiB: load it with embedding: "source".`;
  if (smaller)
    return `As ${smaller.weights} it needs ${gib(smaller.pages * PAGE)} GiB: load it with weights: "${smaller.weights}".`;
  const parameters = allEntries(recipe).reduce((sum, { weight }) => sum + count(weight.shape), 0);
  const room = limit - (plan.pages * PAGE - plan.weightBytes);
  const largest = (room * parameters) / plan.weightBytes / 1e9;
  const would = largest > 0.05 ? `; about ${largest.toFixed(1)} billion would fit` : "";
  return `It has ${(parameters / 1e9).toFixed(1)} billion parameters${would}: use a smaller one.`;
}

function allEntries(recipe: Recipe): Entry[] {
  return [...recipe.globals, ...recipe.layers.flat()];
}

/** The plan, whether it fits or not. */
export function layOut(recipe: Recipe, options: PlanOptions): Plan {
  const { shape } = recipe;
  const { threads, weights, embedding = "memory", small } = options;
  const { quantised: quantises, activations8: needs8 } = weightFormat(weights);
  const activations8 = needs8 || options.activations8 === true;
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
  const limits = LIMITS[small ? "small" : threads > 1 ? "threads" : "alone"];
  const tableRows = embedding === "source" ? limits.rows : Infinity;
  const entries = allEntries(recipe);
  const stagingBytes = align(entries.reduce((most, e) => Math.max(most, stagedValues(e, limits.slice)), 0) * 4);
  const afterStaging = align(end) + 2 * LANES * stagingBytes;
  const staging = Array.from({ length: LANES }, (_, i) => ({
    raw: afterStaging - (2 * i + 2) * stagingBytes,
    f32: afterStaging - (2 * i + 1) * stagingBytes,
  }));
  const buffers = bufferRows(shape, limits).map(({ rows, values, isInput }) => {
    const stride = values * 4;
    const quantisedStride = isInput && quantises ? quantisedBytes(values, activations8) : 0;
    const [address, quantised] = [stride, quantisedStride].map((bytes) => (bytes > 0 ? take(rows * bytes) : 0));
    return { address, stride, quantised, quantisedStride } as BufferAddress;
  });

  end = Math.max(end, afterStaging);
  const firstWeight = take(0);
  const addresses = new Map(entries.map((e) => [e, take(entryBytes(e, weights, tableRows))]));
  const states = align(end);
  const weightBytes = states - firstWeight;
  const stateBytes = align(shape.layers * shape.layerState * 4);
  return {
    ...options,
    embedding,
    shape,
    activations8,
    layerSlots,
    globalSlots,
    bufferTable,
    batch,
    timestamps,
    scratch,
    scratchBytes,
    buffers,
    batchRows: limits.rows,
    logitsRows: limits.logits,
    addresses,
    matrixBytes: entries.reduce((sum, e) => sum + (e.kind === "matrix" ? entryBytes(e, weights, tableRows) : 0), 0),
    firstWeight,
    weightBytes,
    staging,
    sliceValues: limits.slice,
    states,
    stateBytes,
    pages: Math.ceil((states + stateBytes) / PAGE),
  };
}

/** Bytes of a row of quantised activations. */
function quantisedBytes(values: number, activations8: boolean): number {
  return (values / abi.QUANT_VALUES) * (activations8 ? QUANT8_BYTES : QUANT_BYTES);
}

/** Bytes of an entry in memory. @param tableRows most rows of the embedding */
function entryBytes(e: Entry, weights: WeightFormat, tableRows: number): number {
  if (e.kind === "vector") return e.length * 4;
  if (e.kind === "table") return byteLength(e.weight.tensor.dtype, Math.min(e.rows, tableRows) * e.cols);
  return weightFormat(matrixFormat(e, weights)).bytes(e.rows, e.cols);
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
export function rowsPerSlice(e: MatrixEntry | TableEntry, sliceValues: number): number {
  if (e.kind === "matrix" && e.transposed) return e.rows;
  return Math.max(1, Math.floor(sliceValues / e.cols / abi.UNIT_ROWS)) * abi.UNIT_ROWS;
}

function stagedValues(e: Entry, sliceValues: number): number {
  if (e.kind === "table") return 0;
  if (e.kind === "vector") return count(e.weight.shape);
  return Math.min(rowsPerSlice(e, sliceValues), e.rows) * e.cols;
}

/** Rows and values per row of each activation buffer that the version uses, and whether products read it. */
function bufferRows(
  { version, width, ffn, ranks, vocabSize }: Shape,
  { rows, logits }: { rows: number; logits: number },
) {
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
  sizes[buf.HEAD_IN] = { rows: logits, values: width, isInput: true };
  sizes[buf.LOGITS] = { rows: logits, values: wholeUnits(vocabSize), isInput: false };
  return sizes;
}

/** Everything starts on a cache line. */
function align(address: number): number {
  return Math.ceil(address / abi.LINE) * abi.LINE;
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(2);
}
