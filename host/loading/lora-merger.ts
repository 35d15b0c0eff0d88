import * as abi from "../../assembly/abi.ts";
import type { Engine } from "../engine/engine.ts";
import type { MatrixEntry } from "../models/collector.ts";
import { storedValues, weightValues } from "../models/values.ts";
import type { LowRankUpdate } from "../models/weights.ts";

/**
 * A slice of a matrix being loaded: addresses of its f32 values and of scratch memory, and the scratch's size in bytes.
 */
export interface Staged {
  readonly values: number;
  readonly scratch: number;
  readonly scratchBytes: number;
}

interface Cached {
  readonly values: Promise<Float32Array>;
  rowsLeft: number;
}

/** Adds LoRAs to matrices, slice by slice. A of each pair is kept while its matrix is loaded; B is read by rows. */
export class LoraMerger {
  readonly #engine: Engine;
  readonly #cached = new Map<LowRankUpdate, Cached>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Adds the updates of rows [first, end), if any, in order, in f32. */
  async add({ weight, rows, cols }: MatrixEntry, first: number, end: number, staged: Staged): Promise<void> {
    for (const update of weight.updates ?? []) {
      const cached = this.#cached.get(update) ?? { values: weightValues(update.a), rowsLeft: rows };
      this.#cached.set(update, cached);
      const [a, b] = await Promise.all([
        cached.values,
        storedValues(update.b, first * update.rank, (end - first) * update.rank),
      ]);
      await this.#addRanks(a, b, update, end - first, cols, staged);
      cached.rowsLeft -= end - first;
      if (cached.rowsLeft === 0) this.#cached.delete(update);
    }
  }

  /** As many ranks at a time as the scratch can hold; the sums have the same bits for any number. */
  async #addRanks(
    a: Float32Array,
    b: Float32Array,
    { rank, factor }: LowRankUpdate,
    rows: number,
    cols: number,
    { values, scratch, scratchBytes }: Staged,
  ): Promise<void> {
    const step = Math.min(rank, Math.floor(scratchBytes / 4 / (rows + cols)));
    for (let k = 0; k < rank; k += step) {
      const ranks = Math.min(step, rank - k);
      const bAddress = scratch + 4 * ranks * cols;
      const scaled = Float32Array.from(
        { length: rows * ranks },
        (_, i) => factor * (b[Math.floor(i / ranks) * rank + k + (i % ranks)] as number),
      );
      const { memory } = this.#engine;
      await Promise.all([
        memory.write(scratch, a.subarray(k * cols, (k + ranks) * cols)),
        memory.write(bAddress, scaled),
      ]);
      await this.#engine.run(abi.OP_ADD_LOW_RANK, [values, rows, cols, scratch, bAddress, ranks]);
    }
  }
}
