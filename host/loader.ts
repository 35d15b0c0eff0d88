import * as abi from "../assembly/abi.ts";
import { byteLength, type Dtype } from "./checkpoint/checkpoint.ts";
import type { Engine } from "./engine.ts";
import type { Entry, MatrixEntry, Recipe, VectorEntry } from "./models/recipe.ts";
import { count, type Weight } from "./models/weights.ts";
import { type Plan, rowsPerSlice } from "./plan.ts";

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
    const format = e.kind === "table" ? DTYPE_ID[e.weight.tensor.dtype] : abi.FORMAT_F32;
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
    const { rows, cols, transposed } = e;
    const [rowStride, colStride] = transposed ? [1, rows] : [cols, 1];
    const slice = rowsPerSlice(e);
    for (let first = 0; first < rows; first += slice) {
      const end = Math.min(first + slice, rows);
      await this.#stage(e.weight, first * cols, (end - first) * cols);
      const { stagingF32 } = this.#plan;
      await this.#engine.run(
        abi.OP_PACK, address, abi.FORMAT_F32, cols, stagingF32, rowStride, colStride, first, end,
      );
    }
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
