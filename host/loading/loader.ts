import * as abi from "../../assembly/abi.ts";
import * as W from "../../assembly/slots.ts";
import type { PackedWeights } from "../checkpoint/checkpoint.ts";
import { damaged } from "../checkpoint/damage.ts";
import { byteLength, type Dtype } from "../checkpoint/dtypes.ts";
import { type WeightFormat, weightFormat } from "../checkpoint/weight-formats.ts";
import type { RowSource } from "../engine/embedding.ts";
import type { Engine } from "../engine/engine.ts";
import { layOut, matrixFormat, type Plan, rowsPerSlice } from "../engine/plan.ts";
import { WkvError } from "../errors.ts";
import type { Entry, MatrixEntry, TableEntry, VectorEntry } from "../models/collector.ts";
import type { Recipe } from "../models/recipe.ts";
import { count, type Weight } from "../models/weights.ts";
import type { LoadControl, Progress } from "../source/progress.ts";
import { LoraMerger } from "./lora-merger.ts";

export const DTYPE_ID: Readonly<Record<Dtype, number>> = {
  F32: abi.DTYPE_F32,
  F16: abi.DTYPE_F16,
  BF16: abi.DTYPE_BF16,
  Q4_0: abi.DTYPE_Q4_0,
  Q4_1: abi.DTYPE_Q4_1,
  Q5_0: abi.DTYPE_Q5_0,
  Q5_1: abi.DTYPE_Q5_1,
  Q8_0: abi.DTYPE_Q8_0,
  Q2_K: abi.DTYPE_Q2_K,
  Q3_K: abi.DTYPE_Q3_K,
  Q4_K: abi.DTYPE_Q4_K,
  Q5_K: abi.DTYPE_Q5_K,
  Q6_K: abi.DTYPE_Q6_K,
};

/**
 * Streams every tensor of the recipe from its file to its address, slice by slice: read into a lane's staging area,
 * converted to f32 and packed there. While one lane packs, another reads. No tensor is ever in memory twice.
 * @throws WkvError from the reader, `bad-file` for weights that are not finite numbers; the signal's reason
 */
export async function loadWeights(recipe: Recipe, plan: Plan, engine: Engine, control: LoadControl): Promise<void> {
  fillSlots(recipe, plan, engine);
  const slices = allSlices(recipe, plan);
  const total = allEntries(recipe).reduce(
    (sum, e) =>
      e.kind === "table" && plan.embedding === "source"
        ? sum
        : sum + byteLength(e.weight.tensor.dtype, count(e.weight.shape)),
    0,
  );
  const progress = { loaded: 0, total };
  const merger = new LoraMerger(engine);
  const lanes = plan.staging.map((_, i) => new Lane(plan, engine, merger, i, control, progress));
  const done = await Promise.allSettled(lanes.map((lane) => lane.work(slices)));
  for (const result of done) if (result.status === "rejected") throw result.reason;
  await checkFinite(allEntries(recipe), plan, engine);
}

/** A scale cannot represent NaN or infinity: the kernels record where they met one. */
async function checkFinite(entries: readonly Entry[], { addresses }: Plan, engine: Engine): Promise<void> {
  const [where = 0] = new Uint32Array((await engine.memory.read(abi.NOT_FINITE, 1)).buffer);
  if (where === 0) return;
  const before = entries.filter((entry) => (addresses.get(entry) ?? 0) <= where);
  const at = before.reduce((last, entry) => ((addresses.get(entry) ?? 0) > (addresses.get(last) ?? 0) ? entry : last));
  throw new WkvError(
    "bad-file",
    `${at.weight.tensor.name} has weights that are not finite numbers: fetch the file again; wkv inspect --stats ` +
      "shows its values.",
  );
}

/** Bytes of packed weights per read, and reads in flight. */
const PACKED_READ = 4 << 20;
const PACKED_READS = 3;

/**
 * Reads packed weights: one range of the file, straight to its address, with several reads in flight.
 * @throws WkvError `bad-file` if the file's weights are not where this engine keeps them
 */
export async function loadPacked(
  packed: PackedWeights,
  recipe: Recipe,
  plan: Plan,
  engine: Engine,
  { onProgress, signal }: LoadControl,
  file: string,
): Promise<void> {
  const skipped = checkRanges(packed, recipe, plan, file);
  fillSlots(recipe, plan, engine);
  const { size } = packed;
  const total = size - skipped.bytes;
  let next = skipped.bytes;
  let loaded = 0;
  const readPart = async () => {
    signal?.throwIfAborted();
    const from = next;
    next = Math.min(size, from + PACKED_READ);
    const length = next - from;
    await engine.memory.fill(skipped.to + from - skipped.bytes, length, (target) => packed.read(target, from));
    loaded += length;
    onProgress?.({ loaded, total });
  };
  const lane = async () => {
    try {
      while (next < size) await readPart();
    } finally {
      next = size; // a lane that fails leaves nothing for the others
    }
  };
  const done = await Promise.allSettled(Array.from({ length: PACKED_READS }, lane));
  for (const result of done) if (result.status === "rejected") throw result.reason;
}

/**
 * Every weight must begin and end where the plan has it.
 * @returns the bytes of the embedding, which come first, where it is not loaded; and where what follows them begins
 */
function checkRanges(packed: PackedWeights, recipe: Recipe, plan: Plan, file: string): { bytes: number; to: number } {
  const { addresses, firstWeight } = plan;
  // The file is as if all were in memory.
  const { weightBytes, ...whole } =
    plan.embedding === "source" ? layOut(recipe, { ...plan, embedding: "memory" }) : plan;
  const entries = allEntries(recipe);
  const begins = entries.map((entry) => (whole.addresses.get(entry) ?? 0) - whole.firstWeight);
  for (const [i, { weight }] of entries.entries()) {
    const range = packed.ranges.get(weight.name);
    if (range?.begin !== begins[i] || range?.end !== (begins[i + 1] ?? weightBytes))
      throw damaged(
        file,
        `${weight.name} is not where its shape requires; run wkv convert on the original model again.`,
      );
  }
  const [table, second] = entries;
  if (plan.embedding === "memory" || table?.kind !== "table") return { bytes: 0, to: firstWeight };
  return { bytes: begins[1] ?? weightBytes, to: (second && addresses.get(second)) ?? firstWeight };
}

/** Rows of the embedding, out of the model's file. */
export function embeddingRows(
  { globals }: Recipe,
  packed: PackedWeights | undefined,
  close: () => Promise<void>,
): RowSource {
  const table = globals.find((entry) => entry.kind === "table") as TableEntry;
  const { tensor, offset, name } = table.weight;
  const rowBytes = byteLength(tensor.dtype, table.cols);
  const begin = packed?.ranges.get(name)?.begin ?? 0;
  const read = (target: Uint8Array, token: number) =>
    packed
      ? packed.read(target, begin + token * rowBytes)
      : tensor.read(target, byteLength(tensor.dtype, offset) + token * rowBytes);
  return { rowBytes, read, close };
}

function allEntries(recipe: Recipe): Entry[] {
  return [...recipe.globals, ...recipe.layers.flat()];
}

/** Reorders packed matrices for the relaxed kernels; anything that reads matrices as packed must come before. */
export async function arrangeWeights(recipe: Recipe, plan: Plan, engine: Engine): Promise<void> {
  if (engine.kernels.simd === "plain") return;
  for (const entry of allEntries(recipe)) {
    if (entry.kind !== "matrix") continue;
    const { id } = weightFormat(matrixFormat(entry, plan.weights));
    await engine.run(abi.OP_ARRANGE, [plan.addresses.get(entry) ?? 0, id, entry.cols, entry.rows]);
  }
}

/** Rows [first, end) of an entry, to be loaded to its address. */
interface Slice {
  readonly entry: Entry;
  readonly address: number;
  readonly first: number;
  readonly end: number;
}

/** In recipe order. */
function* allSlices(recipe: Recipe, plan: Plan): Generator<Slice, void, void> {
  for (const entry of allEntries(recipe)) {
    if (entry.kind === "table" && plan.embedding === "source") continue;
    const address = plan.addresses.get(entry) ?? 0;
    const rows = entry.kind === "vector" ? 1 : entry.rows;
    const step = entry.kind === "vector" ? 1 : rowsPerSlice(entry, plan.sliceValues);
    for (let first = 0; first < rows; first += step) yield { entry, address, first, end: Math.min(first + step, rows) };
  }
}

/** Fills the slots: the address of every weight, for the kernels. */
function fillSlots(recipe: Recipe, plan: Plan, engine: Engine): void {
  const fill = (entries: readonly Entry[], slots: number) => {
    for (const entry of entries) {
      const format =
        entry.kind === "matrix"
          ? weightFormat(matrixFormat(entry, plan.weights)).id
          : DTYPE_ID[entry.weight.tensor.dtype];
      const [rows, cols] = entry.kind === "vector" ? [1, entry.length] : [entry.rows, entry.cols];
      const slot = Uint32Array.of(plan.addresses.get(entry) ?? 0, format, rows, cols);
      void engine.memory.write(slots + entry.slot * abi.SLOT_BYTES, slot); // comes before every command
    }
  };
  fill(recipe.globals, plan.globalSlots);
  for (const [i, layer] of recipe.layers.entries()) fill(layer, plan.layerSlots + i * W.LAYER_SLOTS * abi.SLOT_BYTES);
}

/** Loads slices, one after another, through a private staging area. */
class Lane {
  readonly #raw: number;
  readonly #f32: number;
  readonly #weights: WeightFormat;
  readonly #engine: Engine;
  readonly #merger: LoraMerger;
  readonly #control: LoadControl;
  readonly #progress: Progress;

  constructor(
    { staging, weights }: Plan,
    engine: Engine,
    merger: LoraMerger,
    lane: number,
    control: LoadControl,
    progress: Progress,
  ) {
    const { raw, f32 } = staging[lane] ?? { raw: 0, f32: 0 };
    this.#raw = raw;
    this.#f32 = f32;
    this.#weights = weights;
    this.#engine = engine;
    this.#merger = merger;
    this.#control = control;
    this.#progress = progress;
  }

  /** Ends when no slice is left. After a failure, none is left for the others. */
  async work(slices: Generator<Slice, void, void>): Promise<void> {
    try {
      for (const slice of slices) await this.#load(slice);
    } finally {
      slices.return();
    }
  }

  #load({ entry, address, first, end }: Slice): Promise<void> {
    if (entry.kind === "vector") return this.#loadVector(entry, address);
    if (entry.kind === "matrix") return this.#loadMatrix(entry, address, first, end);
    const start = address + byteLength(entry.weight.tensor.dtype, first * entry.cols);
    return this.#read(entry.weight, first * entry.cols, (end - first) * entry.cols, start);
  }

  async #loadVector({ weight, length, repeat, fold }: VectorEntry, address: number): Promise<void> {
    const stored = length / repeat;
    if (repeat === 1 && weight.tensor.dtype === "F32") {
      await this.#read(weight, 0, stored, address);
    } else {
      await this.#stage(weight, 0, stored);
      const from = await this.#engine.memory.read(this.#f32, stored);
      const to = Float32Array.from({ length }, (_, i) => from[Math.floor(i / repeat)] as number);
      await this.#engine.memory.write(address, to);
    }
    if (fold) await this.#engine.run(abi.OP_FOLD, [address, length, fold]);
  }

  async #loadMatrix(e: MatrixEntry, address: number, first: number, end: number): Promise<void> {
    const { weight, rows, cols, transposed } = e;
    const { id: format, dtype, quantised } = weightFormat(matrixFormat(e, this.#weights));
    const values = (end - first) * cols;
    if (quantised && weight.tensor.dtype === dtype && !transposed && !weight.updates) {
      await this.#read(weight, first * cols, values, this.#raw);
      const rowBytes = byteLength(dtype, cols);
      await this.#engine.run(abi.OP_PACK_STORED, [address, format, cols, this.#raw, rowBytes, first, end]);
    } else {
      const [rowStride, colStride] = transposed ? [1, rows] : [cols, 1];
      await this.#stage(weight, first * cols, values);
      await this.#merger.add(e, first, end, {
        values: this.#f32,
        scratch: this.#raw, // free again once decoded
        scratchBytes: this.#f32 - this.#raw,
      });
      await this.#engine.run(abi.OP_PACK, [address, format, cols, this.#f32, rowStride, colStride, first, end]);
    }
  }

  /** Reads `values` values from value `first` of a weight on, converted to f32 in the staging area. */
  async #stage(weight: Weight, first: number, values: number): Promise<void> {
    const { dtype } = weight.tensor;
    if (dtype === "F32") return this.#read(weight, first, values, this.#f32);
    await this.#read(weight, first, values, this.#raw);
    await this.#engine.run(abi.OP_DECODE, [this.#f32, this.#raw, DTYPE_ID[dtype], values]);
  }

  /** Reads the values as stored, to `address`. */
  async #read({ tensor, offset }: Weight, first: number, values: number, address: number): Promise<void> {
    const { signal, onProgress } = this.#control;
    signal?.throwIfAborted();
    const bytes = byteLength(tensor.dtype, values);
    const from = byteLength(tensor.dtype, offset + first);
    await this.#engine.memory.fill(address, bytes, (target) => tensor.read(target, from));
    this.#progress.loaded += bytes;
    onProgress?.({ ...this.#progress });
  }
}
