import * as abi from "../../assembly/abi.ts";
import { openCheckpoint } from "../checkpoint/open.ts";
import type { Engine } from "../engine/engine.ts";
import { WkvError } from "../errors.ts";
import type { MatrixEntry } from "../models/collector.ts";
import type { Lora } from "../models/lora.ts";
import { storedValues, weightValues } from "../models/values.ts";
import type { LowRankUpdate } from "../models/weights.ts";
import { type ModelSource, openSource } from "../source/open.ts";
import { readBytes, type Source } from "../source/source.ts";

/** A LoRA to be merged into a model while it is loaded: W += scale · (alpha / rank) · B A. */
export interface LoraOptions {
  /** What a trainer wrote: a .pth or .safetensors file, or PEFT's folder. */
  source: ModelSource;
  /** Default: 1. */
  scale?: number | undefined;
  /**
   * The trainer's `lora_alpha`, which RWKV's trainers do not write into the file. Default: what PEFT's
   * `adapter_config.json` beside the file says, else the rank, so that `scale` is the whole factor.
   */
  alpha?: number | undefined;
}

/** A LoRA and the file that it is read from, which is the caller's to close. */
export interface OpenLora extends Lora {
  readonly file: Source;
}

/** @throws TypeError or RangeError for wrong options, checked before anything is opened */
export function checkLoras(loras: readonly LoraOptions[]): void {
  if (!Array.isArray(loras)) throw new TypeError(`"lora" expected a list of { source, scale }, got ${typeof loras}`);
  for (const { scale, alpha } of loras) {
    if (scale !== undefined && !Number.isFinite(scale))
      throw new RangeError(`"scale" expected a finite number, got ${scale}`);
    if (alpha !== undefined && !(Number.isFinite(alpha) && alpha > 0))
      throw new RangeError(`"alpha" expected a number above 0, got ${alpha}`);
  }
}

/** @throws WkvError as opening a model does */
export async function openLora({ source, scale = 1, alpha }: LoraOptions): Promise<OpenLora> {
  const file = await openSource(source);
  try {
    const checkpoint = await openCheckpoint(file);
    return { file, name: file.name, checkpoint, scale, alpha: alpha ?? (await alphaBeside(file)) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** PEFT keeps its settings in a file of its own. */
const PEFT_CONFIG = "adapter_config.json";
const MAX_CONFIG_BYTES = 2 ** 20;

async function alphaBeside(file: Source): Promise<number | undefined> {
  const config = await readConfig(file);
  if (!config) return undefined;
  const { lora_alpha: alpha, use_rslora: usesRoot } = config;
  if (usesRoot === true)
    throw new WkvError(
      "unsupported-model",
      `${file.name} was trained with use_rslora: give alpha yourself, as lora_alpha times the root of the rank.`,
    );
  return typeof alpha === "number" && alpha > 0 && Number.isFinite(alpha) ? alpha : undefined;
}

async function readConfig(file: Source): Promise<Record<string, unknown> | undefined> {
  try {
    const config = await file.beside?.(PEFT_CONFIG);
    if (!config || config.size > MAX_CONFIG_BYTES) return undefined;
    const json: unknown = JSON.parse(new TextDecoder().decode(await readBytes(config, 0, config.size)));
    return json !== null && typeof json === "object" ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // none there, or none that says anything
  }
}

/** Where a slice of a matrix is while it is loaded: the address of its f32 values, and of free memory, and its bytes. */
export interface Staged {
  readonly values: number;
  readonly scratch: number;
  readonly scratchBytes: number;
}

interface Cached {
  readonly values: Promise<Float32Array>;
  rowsLeft: number;
}

/** Adds LoRAs to matrices, slice by slice. Of each pair A is kept while its matrix is loaded, B is read by rows. */
export class LoraMerger {
  readonly #engine: Engine;
  readonly #cached = new Map<LowRankUpdate, Cached>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Adds the updates of rows [first, end), if there are any, one after the other in f32. */
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

  /** As many ranks at a time as the scratch has room for; the sums have the same bits for any number. */
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
      await this.#engine.run(abi.OP_ADD_LOW_RANK, values, rows, cols, scratch, bAddress, ranks);
    }
  }
}
