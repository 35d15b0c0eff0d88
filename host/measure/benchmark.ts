import * as abi from "../../assembly/abi.ts";
import { type Job, makeBatch, runBatch } from "../engine/batch.ts";
import type { Runner } from "../engine/runner.ts";
import type { Model } from "../model/model.ts";
import { checkNames } from "../options/names.ts";
import { checkModel } from "../options/values.ts";

export interface BenchmarkOptions {
  /** Tokens of the prompt. Default 512. */
  prefill?: number | undefined;
  /** Tokens decoded one at a time in each round. Default 64. */
  decode?: number | undefined;
  /** Sessions that decode together. Default 1. */
  sessions?: number | undefined;
  /** Default 5. */
  rounds?: number | undefined;
  onRound?: ((round: number) => void) | undefined;
  /** Aborts between two steps; its reason is thrown. */
  signal?: AbortSignal | undefined;
}

const BENCHMARK_OPTIONS = {
  prefill: true,
  decode: true,
  sessions: true,
  rounds: true,
  onRound: true,
  signal: true,
} as const satisfies Record<keyof BenchmarkOptions, true>;

/** Statistics over the rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface BenchmarkResult {
  /** Tokens per second. */
  readonly prefill: Spread;
  /** Tokens per second, of all sessions together. */
  readonly decode: Spread;
  /** Bytes of the packed matrices, all of which a token reads. */
  readonly bytesPerToken: number;
  /** GB per second of the same threads only reading the packed weights, measured between the rounds. */
  readonly readBandwidth: Spread;
  /** bytesPerToken · batches per second / bandwidth, per round. */
  readonly share: Spread;
  /** b(M) of M = 2, 4 and 8: time of a pass over M tokens of one session, with logits at each, over that of one token. */
  readonly passes: Readonly<Record<number, Spread>>;
  /** Milliseconds of one token's phases, summed over the layers; medians. */
  readonly phases: Readonly<Record<string, number>>;
}

/**
 * Measures a model: nothing else may be running on it.
 * @throws RangeError for numbers below 1; the signal's reason
 * @example
 * const { decode } = await benchmark(model, { prefill: 16, decode: 4, rounds: 1 });
 * console.log(`${decode.median.toFixed(1)} tokens per second`);
 */
export async function benchmark(model: Model, options: BenchmarkOptions = {}): Promise<BenchmarkResult> {
  checkModel(model);
  checkNames(options, BENCHMARK_OPTIONS, "benchmark");
  const { runner } = model;
  const { prefill = 512, decode = 64, sessions = 1, rounds = 5, onRound, signal } = options;
  for (const [name, value] of Object.entries({ prefill, decode, sessions, rounds })) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`"${name}" expected a whole number >= 1, got ${value}`);
  }
  const states = Array.from({ length: sessions }, () => runner.takeState());
  const rows: { prefill: number; decode: number; read: number }[] = [];
  const passes: Record<number, number>[] = [];
  const bytesPerToken = runner.plan.matrixBytes;
  try {
    const phases: Record<string, number>[] = [];
    for (let round = 0; round < rounds; round++) {
      signal?.throwIfAborted();
      onRound?.(round);
      const read = await readSpeed(runner);
      const prefillSpeed = prefill / (await seconds(() => feedAll(runner, states.slice(0, 1), tokens(prefill))));
      await decodeTokens(runner, states, 3);
      const decodeSpeed = (sessions * decode) / (await seconds(() => decodeTokens(runner, states, decode)));
      phases.push(await phaseTimes(runner, states, Math.ceil(decode / 8)));
      passes.push(await passCosts(runner, states[0] as number, Math.ceil(decode / 8)));
      rows.push({ prefill: prefillSpeed, decode: decodeSpeed, read: (read + (await readSpeed(runner))) / 2 });
    }
    return {
      prefill: spread(rows.map((row) => row.prefill)),
      decode: spread(rows.map((row) => row.decode)),
      bytesPerToken,
      readBandwidth: spread(rows.map((row) => row.read / 1e9)),
      share: spread(rows.map((row) => (bytesPerToken * (row.decode / sessions)) / row.read)),
      passes: Object.fromEntries(PASSES.map((m) => [m, spread(passes.map((costs) => costs[m] ?? 0))])),
      phases: medians(phases),
    };
  } finally {
    for (const state of states) runner.freeState(state);
  }
}

/** Bytes per second of only reading the weights, best of three. */
async function readSpeed({ engine, plan }: Runner): Promise<number> {
  let best = 0;
  for (let i = 0; i < 3; i++) {
    const time = await seconds(() => engine.run(abi.OP_READ, [plan.firstWeight, plan.weightBytes]));
    best = Math.max(best, plan.weightBytes / time);
  }
  return best;
}

async function decodeTokens(runner: Runner, states: number[], count: number): Promise<void> {
  const logits: Float32Array[] = [];
  for (let i = 0; i < count; i++) await feedAll(runner, states, tokens(1, i), logits);
}

/** Reuses the logits arrays, as sessions do. */
async function feedAll(runner: Runner, states: number[], ids: number[], logits: Float32Array[] = []): Promise<void> {
  await Promise.all(
    states.map(async (state, i) => {
      logits[i] = await runner.feed(state, ids, undefined, logits[i]);
    }),
  );
}

/** Ids that exist in the smallest vocabulary, spread so that no cache helps. */
function tokens(count: number, first = 0): number[] {
  return Array.from({ length: count }, (_, i) => 1 + (((first + i) * 37) % 9));
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

const PASSES = [2, 4, 8];

/** b(M): the passes take turns, so that other work on the machine meets all of them. */
async function passCosts({ engine, plan }: Runner, state: number, turns: number): Promise<Record<number, number>> {
  const times = new Map([1, ...PASSES].map((m) => [m, 0]));
  const into = new Float32Array(plan.shape.vocabSize);
  for (let turn = 0; turn < turns; turn++)
    for (const [m, time] of times) {
      const job: Job = { state, tokens: tokens(m, turn), logitsFrom: 0, into, done: 0 };
      times.set(m, time + (await seconds(() => runBatch(engine, plan, makeBatch([job], plan)))));
    }
  return Object.fromEntries(PASSES.map((m) => [m, (times.get(m) ?? 0) / (times.get(1) ?? 0)]));
}

/**
 * Milliseconds of each kind of phase in a batch with one token of each session: the mean of some, because browsers' clocks
 * have steps of 5 µs, which is as long as a phase of a small model.
 */
async function phaseTimes({ engine, plan }: Runner, states: number[], turns: number): Promise<Record<string, number>> {
  const { version, layers } = plan.shape;
  const names = ["emb", ...Array.from({ length: layers }, () => version.phases).flat(), "ln_out", "head"];
  const times: Record<string, number> = {};
  for (let turn = 0; turn < turns; turn++) {
    const jobs: Job[] = states.map((state) => ({ state, tokens: tokens(1, turn), done: 0 }));
    await runBatch(engine, plan, makeBatch(jobs, plan), { timestamps: plan.timestamps });
    const timestamps = new Float64Array((await engine.memory.read(plan.timestamps, 2 * (names.length + 1))).buffer);
    for (const [i, name] of names.entries())
      times[name] = (times[name] ?? 0) + ((timestamps[i + 1] ?? 0) - (timestamps[i] ?? 0)) / turns;
  }
  return times;
}

function spread(values: number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: median(sorted), min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}

function median(sorted: number[]): number {
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

function medians(rows: Record<string, number>[]): Record<string, number> {
  const names = Object.keys(rows[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, spread(rows.map((row) => row[name] ?? 0)).median]));
}
