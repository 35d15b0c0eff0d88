import * as abi from "../../assembly/abi.ts";
import * as buf from "../../assembly/buffers.ts";
import type { Engine, RunOptions } from "./engine.ts";
import type { Plan } from "./plan.ts";
import { FEW_TOKENS } from "./prompt-share.ts";

/** Tokens that a session feeds. */
export interface Job {
  /** Address of the session's state. */
  readonly state: number;
  readonly tokens: readonly number[];
  /** Index of the first token whose logits are wanted. Default: the last one. */
  readonly logitsFrom?: number;
  /** Receives the logits after the last token; a new array by default, which costs a tenth of a millisecond. */
  readonly into?: Float32Array | undefined;
  /** Arrays that may be overwritten where logits of several rows are wanted. */
  readonly spare?: Float32Array[] | undefined;
  /**
   * Only logits of these units of 32 ids are wanted, after the last token; the others may be −∞. None: no logits.
   * `hidden` is then what they are made from.
   */
  readonly units?: readonly number[] | undefined;
  hidden?: Float32Array;
  /** Tokens processed so far. */
  done: number;
}

/** Rows [first, end) of a batch: tokens of one job. */
interface Segment {
  readonly job: Job;
  readonly first: number;
  readonly end: number;
}

/** A row whose logits are wanted. */
interface Wanted {
  readonly job: Job;
  readonly row: number;
}

/** Rows of several jobs that go through the model together, so that its weights are read once for all of them. */
export interface Batch {
  readonly segments: readonly Segment[];
  /** Logits are computed for these rows only, in token order within each job. */
  readonly wanted: readonly Wanted[];
  /** Jobs that end with this batch. */
  readonly ending: readonly Job[];
}

const left = (job: Job) => job.tokens.length - job.done;

/** Whether a job reads a prompt, and does not make text. */
export const isPrompt = (job: Job) => left(job) > FEW_TOKENS;

/**
 * Fills a batch from the waiting jobs, those with the fewest tokens left first: a generating session gets its one row in
 * every batch, however long another session's prompt is.
 * @param promptRows most rows of jobs that read prompts
 */
export function makeBatch(
  jobs: readonly Job[],
  { batchRows, logitsRows }: Pick<Plan, "batchRows" | "logitsRows">,
  promptRows: number = batchRows,
): Batch {
  const segments: Segment[] = [];
  const wanted: Wanted[] = [];
  const ending: Job[] = [];
  let rows = 0;
  let promptsLeft = promptRows;
  for (const job of [...jobs].sort((a, b) => left(a) - left(b))) {
    const before = Math.max(0, (job.logitsFrom ?? job.tokens.length - 1) - job.done); // rows without logits
    const free = Math.min(batchRows - rows, isPrompt(job) ? promptsLeft : left(job));
    const count = Math.min(left(job), free, before + logitsRows - wanted.length);
    if (count === 0) continue;
    const end = rows + count;
    segments.push({ job, first: rows, end });
    if (job.units?.length !== 0) for (let row = rows + before; row < end; row++) wanted.push({ job, row });
    if (count === left(job)) ending.push(job);
    if (isPrompt(job)) promptsLeft -= count;
    rows = end;
  }
  return { segments, wanted, ending };
}

/**
 * Runs a batch and counts its tokens as processed.
 * @param options `timestamps`: where thread 0 stores the time at the end of each phase, or 0
 * @returns the logits of each row in `batch.wanted`
 */
export async function runBatch(
  engine: Engine,
  plan: Plan,
  batch: Batch,
  { timestamps = 0, ...options }: RunOptions & { timestamps?: number } = {},
): Promise<Float32Array[]> {
  const { segments, wanted } = batch;
  const rows = segments.at(-1)?.end ?? 0;
  const units = unitsOf(wanted);
  const places = await engine.embedding?.place(tokensOf(batch));
  void engine.memory.write(plan.batch, batchWords(batch, units, places));
  await engine.run(abi.OP_FORWARD, [rows, segments.length, wanted.length, timestamps, units.length], options);
  for (const { job, first, end } of segments) job.done += end - first;
  await Promise.all(segments.map((segment) => keepHidden(segment, engine, plan)));
  const { address, stride } = plan.buffers[buf.LOGITS] ?? { address: 0, stride: 0 };
  return Promise.all(
    wanted.map(async ({ job }, i) => {
      const logits = await engine.memory.read(address + i * stride, plan.shape.vocabSize, job.into ?? job.spare?.pop());
      return units.length > 0 ? only(logits, units) : logits;
    }),
  );
}

/** The units of the head that are enough for all; none where that is most of them, or all are wanted. */
function unitsOf(wanted: readonly Wanted[]): number[] {
  const units = new Set<number>();
  for (const { job } of wanted) {
    if (!job.units) return [];
    for (const unit of job.units) units.add(unit);
  }
  return units.size <= abi.BATCH_MAX_UNITS ? [...units].sort((a, b) => a - b) : [];
}

/** −∞ for what was not computed. */
function only(logits: Float32Array, units: readonly number[]): Float32Array {
  const all = logits.slice();
  logits.fill(-Infinity);
  for (const unit of units) {
    const first = unit * abi.UNIT_ROWS;
    logits.set(all.subarray(first, first + abi.UNIT_ROWS), first);
  }
  return logits;
}

/** What the head would read, for a job that is at its end and has not all of its logits. */
async function keepHidden({ job, end }: Segment, engine: Engine, { buffers, shape }: Plan): Promise<void> {
  if (!job.units || job.done < job.tokens.length) return;
  const { address, stride } = buffers[buf.X] ?? { address: 0, stride: 0 };
  job.hidden = await engine.memory.read(address + (end - 1) * stride, shape.width);
}

function tokensOf({ segments }: Pick<Batch, "segments">): number[] {
  return segments.flatMap(({ job, first, end }) => job.tokens.slice(job.done, job.done + end - first));
}

/**
 * What is at TABLE_BATCH: see abi.ts.
 * @param places the rows of the embedding where the tokens' are, if they are not the tokens
 */
export function batchWords(
  batch: Batch,
  units: readonly number[] = [],
  places: readonly number[] = tokensOf(batch),
): Uint32Array<ArrayBuffer> {
  const { segments, wanted } = batch;
  const words = new Uint32Array(abi.BATCH_BYTES / 4);
  const [tokens, owners, rows, cuts] = [abi.BATCH_TOKENS, abi.BATCH_OWNERS, abi.BATCH_WANTED, abi.BATCH_SEGMENTS].map(
    (at) => words.subarray(at / 4),
  ) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  rows.set(wanted.map(({ row }) => row));
  words.set(units, abi.BATCH_UNITS / 4);
  tokens.set(places);
  for (const [s, { job, first, end }] of segments.entries()) {
    owners.fill(s, first, end);
    cuts.set([job.state, first, end], (s * abi.SEGMENT_BYTES) / 4);
  }
  return words;
}
