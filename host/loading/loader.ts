import * as abi from "../../assembly/abi.ts";
import * as W from "../../assembly/slots.ts";
import type { PackedWeights } from "../checkpoint/checkpoint.ts";
import { byteLength, type Dtype } from "../checkpoint/dtypes.ts";
import { type WeightFormat, weightFormat } from "../checkpoint/weight-formats.ts";
import type { RowSource } from "../engine/embedding.ts";
import type { Command, Engine } from "../engine/engine.ts";
import { matrixFormat, type Plan } from "../engine/plan.ts";
import { WkvError } from "../errors.ts";
import type { Entry, MatrixEntry, TableEntry, VectorEntry } from "../models/collector.ts";
import type { Recipe } from "../models/recipe.ts";
import { count, type Weight } from "../models/weights.ts";
import type { LoadControl, Progress } from "../source/progress.ts";
import { LoraMerger } from "./lora-merger.ts";
import { aligned, allEntries, allGroups, isAlone, isPackedAsStored, type Slice } from "./slices.ts";

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
 * Streams every tensor of the recipe from its file to its address, in groups of slices: read into a lane's staging area,
 * converted to f32 and packed there. While one lane packs, another reads. No tensor is ever in memory twice.
 * @throws WkvError from the reader, `bad-file` for weights that are not finite numbers; the signal's reason
 */
export async function loadWeights(recipe: Recipe, plan: Plan, engine: Engine, control: LoadControl): Promise<void> {
  fillSlots(recipe, plan, engine);
  const groups = allGroups(recipe, plan);
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
  const done = await Promise.allSettled(lanes.map((lane) => lane.work(groups)));
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

/** Reorders packed matrices for the relaxed kernels; anything that reads matrices as packed must come before. */
export async function arrangeWeights(recipe: Recipe, plan: Plan, engine: Engine): Promise<void> {
  if (engine.kernels.simd === "plain") return;
  const matrices = allEntries(recipe).filter((entry) => entry.kind === "matrix");
  await engine.runAll(
    matrices.map((entry): Command => {
      const { id } = weightFormat(matrixFormat(entry, plan.weights));
      return [abi.OP_ARRANGE, plan.addresses.get(entry) ?? 0, id, entry.cols, entry.rows];
    }),
  );
}

/** Fills the slots: the address of every weight, for the kernels. */
export function fillSlots(recipe: Recipe, plan: Plan, engine: Engine): void {
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

/** Loads groups of slices, one after another, through a private staging area. */
class Lane {
  readonly #staging: Plan["staging"][number];
  readonly #weights: WeightFormat;
  readonly #engine: Engine;
  readonly #merger: LoraMerger;
  readonly #control: LoadControl;
  readonly #progress: Progress;
  /** Where there is room for the next slice of the group. */
  #raw = 0;
  #f32 = 0;

  constructor(
    { staging, weights }: Plan,
    engine: Engine,
    merger: LoraMerger,
    lane: number,
    control: LoadControl,
    progress: Progress,
  ) {
    this.#staging = staging[lane] ?? { raw: 0, f32: 0 };
    this.#weights = weights;
    this.#engine = engine;
    this.#merger = merger;
    this.#control = control;
    this.#progress = progress;
  }

  /** Ends when no group is left. After a failure, none is left for the others. */
  async work(groups: Generator<Slice[], void, void>): Promise<void> {
    try {
      for (const group of groups) await this.#load(group);
    } finally {
      groups.return();
    }
  }

  async #load(group: readonly Slice[]): Promise<void> {
    this.#raw = this.#staging.raw;
    this.#f32 = this.#staging.f32;
    const [first] = group as [Slice];
    if (isAlone(first)) return first.entry.kind === "vector" ? this.#repeat(first) : this.#merge(first);
    const commands: Command[] = [];
    const reads = await Promise.allSettled(group.map((slice) => this.#begin(slice, commands)));
    for (const result of reads) if (result.status === "rejected") throw result.reason;
    await this.#engine.runAll(commands);
  }

  /** Begins to read a slice, and adds the commands that make its weights. */
  #begin({ entry, address, first, end }: Slice, commands: Command[]): Promise<void> {
    if (entry.kind === "matrix") return this.#beginMatrix(entry, address, first, end, commands);
    if (entry.kind === "vector") return this.#beginVector(entry, address, commands);
    const start = address + byteLength(entry.weight.tensor.dtype, first * entry.cols);
    return this.#read(entry.weight, first * entry.cols, (end - first) * entry.cols, start);
  }

  #beginVector({ weight, length, fold }: VectorEntry, address: number, commands: Command[]): Promise<void> {
    const reading = this.#stage(weight, 0, length, address, commands);
    if (fold) commands.push([abi.OP_FOLD, address, length, fold]);
    return reading;
  }

  #beginMatrix(e: MatrixEntry, address: number, first: number, end: number, commands: Command[]): Promise<void> {
    const { weight, cols } = e;
    const values = (end - first) * cols;
    if (!isPackedAsStored(e, this.#weights)) {
      const f32 = this.#takeF32(values);
      const reading = this.#stage(weight, first * cols, values, f32, commands);
      commands.push(this.#pack(e, address, f32, first, end));
      return reading;
    }
    const { id, dtype } = weightFormat(matrixFormat(e, this.#weights));
    const raw = this.#takeRaw(byteLength(dtype, values));
    commands.push([abi.OP_PACK_STORED, address, id, cols, raw, byteLength(dtype, cols), first, end]);
    return this.#read(weight, first * cols, values, raw);
  }

  #pack(e: MatrixEntry, address: number, f32: number, first: number, end: number): Command {
    const { id } = weightFormat(matrixFormat(e, this.#weights));
    const [rowStride, colStride] = e.transposed ? [1, e.rows] : [e.cols, 1];
    return [abi.OP_PACK, address, id, e.cols, f32, rowStride, colStride, first, end];
  }

  /** A vector in which every value of the file is repeated. */
  async #repeat({ entry, address }: Slice): Promise<void> {
    const { weight, length, repeat, fold } = entry as VectorEntry;
    const { memory } = this.#engine;
    const from = this.#takeF32(length / repeat);
    await this.#decode(weight, 0, length / repeat, from);
    const values = await memory.read(from, length / repeat);
    await memory.write(
      address,
      Float32Array.from({ length }, (_, i) => values[Math.floor(i / repeat)] as number),
    );
    if (fold) await this.#engine.run(abi.OP_FOLD, [address, length, fold]);
  }

  /** A matrix with LoRAs. */
  async #merge({ entry, address, first, end }: Slice): Promise<void> {
    const e = entry as MatrixEntry;
    const values = (end - first) * e.cols;
    const f32 = this.#takeF32(values);
    await this.#decode(e.weight, first * e.cols, values, f32);
    const { raw } = this.#staging; // free again once decoded
    await this.#merger.add(e, first, end, { values: f32, scratch: raw, scratchBytes: this.#staging.f32 - raw });
    await this.#engine.runAll([this.#pack(e, address, f32, first, end)]);
  }

  async #decode(weight: Weight, first: number, values: number, to: number): Promise<void> {
    const commands: Command[] = [];
    await this.#stage(weight, first, values, to, commands);
    await this.#engine.runAll(commands);
  }

  /** Begins to read `values` values from value `first` of a weight on; the command added makes them f32, at `to`. */
  #stage(weight: Weight, first: number, values: number, to: number, commands: Command[]): Promise<void> {
    const { dtype } = weight.tensor;
    if (dtype === "F32") return this.#read(weight, first, values, to);
    const raw = this.#takeRaw(byteLength(dtype, values));
    commands.push([abi.OP_DECODE, to, raw, DTYPE_ID[dtype], values]);
    return this.#read(weight, first, values, raw);
  }

  #takeRaw(bytes: number): number {
    const address = this.#raw;
    this.#raw += aligned(bytes);
    return address;
  }

  #takeF32(values: number): number {
    const address = this.#f32;
    this.#f32 += aligned(4 * values);
    return address;
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
