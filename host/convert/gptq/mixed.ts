// Which matrices become int4, and which stay int8: by what each of them costs when it alone is int4.
import * as abi from "../../../assembly/abi.ts";
import * as buf from "../../../assembly/buffers.ts";
import * as W from "../../../assembly/slots.ts";
import { weightFormat } from "../../checkpoint/weight-formats.ts";
import { batchWords, type Job } from "../../engine/batch.ts";
import type { Engine } from "../../engine/engine.ts";
import { MAX_WANTED, type Plan, rowsPerSlice } from "../../engine/plan.ts";
import { initialState } from "../../engine/state-layout.ts";
import { klDivergence, logProbabilities } from "../../measure/perplexity.ts";
import type { OpenModel } from "../../model/open.ts";
import type { Entry, MatrixEntry } from "../../models/collector.ts";
import type { Recipe } from "../../models/recipe.ts";
import type { LoadControl } from "../../source/progress.ts";
import { type PackingOptions, packModel, shares } from "../packed-model.ts";
import { allValues } from "../published-values.ts";
import { isRounded } from "./gptq.ts";

/** Tokens that are read for each matrix. */
const TOKENS = 1024;
/** Rows of a batch: the logits of a quarter of them fit. */
const ROWS = 4 * MAX_WANTED;
/** Places where the divergence is greatest, as a share, that do not count: one tie would outweigh all others. */
const OUTLIERS = 0.05;
/** Without a size, the matrices become int4 that together cost so much of what all of them cost. */
const SHARE = 0.25;

/** A matrix that may become int4: the divergence that it costs alone, in nats, and the bytes that it saves. */
interface Candidate {
  readonly entry: MatrixEntry;
  readonly divergence: number;
  readonly saved: number;
}

/**
 * The recipe with the matrices that stay int8 marked as precise.
 * @param size of the file that a recipe gives, and the most that it may have
 * @throws RangeError when no mixture is that small
 */
export async function mixFormats(
  model: OpenModel,
  options: PackingOptions & { tokens: readonly number[] },
  limit: { of(recipe: Recipe): number; most: number | undefined },
  control: LoadControl,
): Promise<Recipe> {
  const { recipe } = model;
  const candidates = (await measure(model, options, control)).sort(
    (a, b) => a.divergence / a.saved - b.divergence / b.saved,
  );
  const least = limit.of(recipe);
  if (limit.most !== undefined && least > limit.most)
    throw new RangeError(`"size" expected at least ${least}, which all matrices in int4 take, got ${limit.most}`);
  const total = candidates.reduce((sum, { divergence }) => sum + divergence, 0);
  const int4 = new Set<Entry>();
  let cost = 0;
  for (const { entry, divergence } of candidates) {
    cost += divergence;
    const isEnough =
      limit.most === undefined ? cost > SHARE * total : limit.of(withPrecise(recipe, int4)) <= limit.most;
    if (isEnough) break;
    int4.add(entry);
  }
  return withPrecise(recipe, int4);
}

/** The recipe whose matrices are int8, but for these and those that the file has in 4 bits. */
function withPrecise(recipe: Recipe, int4: ReadonlySet<Entry>): Recipe {
  const mark = (entry: Entry): Entry =>
    entry.kind === "matrix" && !int4.has(entry) ? { ...entry, precise: true } : entry;
  return { ...recipe, globals: recipe.globals.map(mark), layers: recipe.layers.map((layer) => layer.map(mark)) };
}

async function measure(
  model: OpenModel,
  options: PackingOptions & { tokens: readonly number[] },
  control: LoadControl,
): Promise<Candidate[]> {
  const { recipe } = model;
  const precise = withPrecise(recipe, new Set());
  const [load, measuring] = shares(control, [1, 9]) as [LoadControl, LoadControl];
  const packed = await packModel({ ...model, recipe: precise }, { ...options, tokens: undefined }, load);
  try {
    const reader = new LogitReader(packed.engine, packed.plan, options.tokens.slice(0, TOKENS));
    const reference = (await reader.read()).map(logProbabilities);
    const all = recipe.layers.flatMap((entries, layer) => entries.map((entry, i) => ({ entry, layer, i })));
    const matrices = all.filter(({ entry }) => isRounded(entry, packed.plan));
    const candidates: Candidate[] = [];
    for (const { entry, layer, i } of matrices) {
      control.signal?.throwIfAborted();
      const inMemory = precise.layers[layer]?.[i] as MatrixEntry;
      const logits = await whileInt4(inMemory, layer, packed, () => reader.read());
      const divergence = meanDivergence(reference, logits);
      const [int8, int4] = (["int8", "int4"] as const).map((name) =>
        weightFormat(name).bytes(inMemory.rows, inMemory.cols),
      );
      candidates.push({ entry: entry as MatrixEntry, divergence, saved: int8! - int4! });
      measuring.onProgress?.({ loaded: candidates.length, total: matrices.length });
    }
    return candidates;
  } finally {
    await packed.engine.dispose();
  }
}

function meanDivergence(reference: readonly Float64Array[], logits: readonly Float32Array[]): number {
  const each = logits.map((row, i) => klDivergence(reference[i] as Float64Array, logProbabilities(row)));
  const usual = each.toSorted((a, b) => a - b).slice(0, Math.ceil((1 - OUTLIERS) * each.length));
  return usual.reduce((sum, value) => sum + value, 0) / usual.length;
}

/** One matrix as int4 in the place that it has as int8, and back. */
async function whileInt4<T>(
  entry: MatrixEntry,
  layer: number,
  { engine, plan }: { engine: Engine; plan: Plan },
  work: () => Promise<T>,
): Promise<T> {
  const { rows, cols } = entry;
  const address = plan.addresses.get(entry) ?? 0;
  const kept = await engine.memory.read(address, weightFormat("int8").bytes(rows, cols) / 4);
  const slot = plan.layerSlots + (layer * W.LAYER_SLOTS + entry.slot) * abi.SLOT_BYTES;
  const format = (name: "int8" | "int4") =>
    engine.memory.write(slot, Uint32Array.of(address, weightFormat(name).id, rows, cols));
  await packInt4(entry, address, engine, plan);
  await format("int4");
  try {
    return await work();
  } finally {
    await engine.memory.write(address, kept);
    await format("int8");
  }
}

async function packInt4(entry: MatrixEntry, address: number, engine: Engine, plan: Plan): Promise<void> {
  const { rows, cols } = entry;
  const values = await allValues(entry.weight);
  const from = plan.staging[0]?.f32 ?? 0;
  const step = rowsPerSlice({ ...entry, transposed: false }, plan.sliceValues);
  for (let first = 0; first < rows; first += step) {
    const end = Math.min(rows, first + step);
    await engine.memory.write(from, values.subarray(first * cols, end * cols));
    await engine.run(abi.OP_PACK, [address, weightFormat("int4").id, cols, from, cols, 1, first, end]);
  }
}

/** Reads one text again and again. */
class LogitReader {
  readonly #engine: Engine;
  readonly #plan: Plan;
  readonly #tokens: readonly number[];
  readonly #start: Float32Array;

  constructor(engine: Engine, plan: Plan, tokens: readonly number[]) {
    this.#engine = engine;
    this.#plan = plan;
    this.#tokens = tokens;
    this.#start = initialState(plan.shape);
  }

  /** Logits of some of the tokens, evenly spread. */
  async read(): Promise<Float32Array[]> {
    const { states, batch, shape, buffers } = this.#plan;
    const { address, stride } = buffers[buf.LOGITS] ?? { address: 0, stride: 0 };
    const all: Float32Array[] = [];
    await this.#engine.memory.write(states, this.#start);
    for (let first = 0; first < this.#tokens.length; first += ROWS) {
      const job: Job = { state: states, tokens: this.#tokens.slice(first, first + ROWS), done: 0 };
      const rows = job.tokens.length;
      const every = Math.ceil(rows / MAX_WANTED);
      const wanted = Array.from({ length: Math.floor(rows / every) }, (_, i) => ({ job, row: (i + 1) * every - 1 }));
      await this.#engine.memory.write(
        batch,
        batchWords({ segments: [{ job, first: 0, end: rows }], wanted, ending: [] }),
      );
      await this.#engine.run(abi.OP_FORWARD, [rows, 1, wanted.length, 0]);
      for (let i = 0; i < wanted.length; i++)
        all.push(await this.#engine.memory.read(address + i * stride, shape.vocabSize));
    }
    return all;
  }
}
