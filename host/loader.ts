import * as abi from "../assembly/abi.ts";
import { byteLength, type Dtype } from "./checkpoint/checkpoint.ts";
import type { Engine } from "./engine.ts";
import type { Entry, MatrixEntry, Recipe, VectorEntry } from "./models/recipe.ts";
import { count, type Weight } from "./models/weights.ts";
import { matrixFormat, type Plan, rowsPerSlice } from "./plan.ts";

/** Bytes of weights read from the file so far, and in all. */
export interface Progress {
  loaded: number;
  total: number;
}

export interface LoadControl {
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

const DTYPE_ID: Readonly<Record<Dtype, number>> = {
  F32: abi.DTYPE_F32,
  F16: abi.DTYPE_F16,
  BF16: abi.DTYPE_BF16,
  Q4_0: abi.DTYPE_Q4_0,
  Q4_1: abi.DTYPE_Q4_1,
  Q5_0: abi.DTYPE_Q5_0,
  Q5_1: abi.DTYPE_Q5_1,
  Q8_0: abi.DTYPE_Q8_0,
};

/**
 * Streams every tensor of the recipe from its file into its place: a slice is read into the staging area, made f32 and
 * packed there, and the next one follows. No tensor is ever in memory twice.
 * @throws WkvError from the reader; the signal's reason
 */
export async function loadWeights(recipe: Recipe, plan: Plan, engine: Engine, control: LoadControl): Promise<void> {
  const loader = new Loader(recipe, plan, engine, control);
  for (const e of recipe.globals) await loader.load(e, plan.globalSlots);
  for (const [i, layer] of recipe.layers.entries()) {
    for (const e of layer) await loader.load(e, plan.layerSlots + i * abi.LAYER_SLOTS * abi.SLOT_BYTES);
  }
}

class Loader {
  readonly #plan: Plan;
  readonly #engine: Engine;
  readonly #control: LoadControl;
  readonly #progress: Progress;

  constructor(recipe: Recipe, plan: Plan, engine: Engine, control: LoadControl) {
    this.#plan = plan;
    this.#engine = engine;
    this.#control = control;
    const entries = [...recipe.globals, ...recipe.layers.flat()];
    const total = entries.reduce((sum, e) => sum + byteLength(e.weight.tensor.dtype, count(e.weight.shape)), 0);
    this.#progress = { loaded: 0, total };
  }

  async load(e: Entry, slots: number): Promise<void> {
    const address = this.#plan.places.get(e) ?? 0;
    if (e.kind === "vector") await this.#loadVector(e, address);
    else if (e.kind === "matrix") await this.#loadMatrix(e, address);
    else await this.#read(e.weight, 0, this.#bytes(e.weight, e.rows * e.cols, address));
    const format = e.kind === "matrix" ? matrixFormat(e, this.#plan.weights) : DTYPE_ID[e.weight.tensor.dtype];
    const [rows, cols] = e.kind === "vector" ? [1, e.length] : [e.rows, e.cols];
    this.#engine.words(slots + e.slot * abi.SLOT_BYTES, 4).set([address, format, rows, cols]);
  }

  async #loadVector({ weight, length, repeat, fold }: VectorEntry, address: number): Promise<void> {
    const stored = length / repeat;
    await this.#stage(weight, 0, stored);
    const from = this.#engine.floats(this.#plan.stagingF32, stored);
    const to = this.#engine.floats(address, length);
    for (let i = 0; i < length; i++) to[i] = from[Math.floor(i / repeat)] as number;
    if (fold) await this.#engine.run(abi.OP_FOLD, address, length, fold);
  }

  async #loadMatrix(e: MatrixEntry, address: number): Promise<void> {
    const format = matrixFormat(e, this.#plan.weights);
    const exact = format === abi.FORMAT_INT8 && e.weight.tensor.dtype === "Q8_0" && !e.transposed;
    const slice = rowsPerSlice(e);
    for (let first = 0; first < e.rows; first += slice) {
      const end = Math.min(first + slice, e.rows);
      await (exact ? this.#packQ8(e, address, first, end) : this.#pack(e, format, address, first, end));
    }
  }

  async #pack(e: MatrixEntry, format: number, address: number, first: number, end: number): Promise<void> {
    const { stagingF32 } = this.#plan;
    const [rowStride, colStride] = e.transposed ? [1, e.rows] : [e.cols, 1];
    await this.#stage(e.weight, first * e.cols, (end - first) * e.cols);
    await this.#engine.run(abi.OP_PACK, address, format, e.cols, stagingF32, rowStride, colStride, first, end);
  }

  async #packQ8({ weight, cols }: MatrixEntry, address: number, first: number, end: number): Promise<void> {
    const { stagingRaw } = this.#plan;
    await this.#read(weight, first * cols, this.#bytes(weight, (end - first) * cols, stagingRaw));
    await this.#engine.run(abi.OP_PACK_Q8, address, cols, stagingRaw, byteLength("Q8_0", cols), first, end);
  }

  /** Reads `length` values from value `first` of a weight on, as f32 into the staging area. */
  async #stage(weight: Weight, first: number, length: number): Promise<void> {
    const { stagingRaw, stagingF32 } = this.#plan;
    const dtype = DTYPE_ID[weight.tensor.dtype];
    if (dtype === abi.DTYPE_F32) return this.#read(weight, first, this.#bytes(weight, length, stagingF32));
    await this.#read(weight, first, this.#bytes(weight, length, stagingRaw));
    await this.#engine.run(abi.OP_DECODE, stagingF32, stagingRaw, dtype, length);
  }

  #bytes({ tensor }: Weight, values: number, address: number): Uint8Array {
    return this.#engine.bytes(address, byteLength(tensor.dtype, values));
  }

  async #read({ tensor, offset }: Weight, first: number, target: Uint8Array): Promise<void> {
    const { signal, onProgress } = this.#control;
    signal?.throwIfAborted();
    await tensor.read(target, byteLength(tensor.dtype, offset + first));
    this.#progress.loaded += target.length;
    onProgress?.({ ...this.#progress });
  }
}
