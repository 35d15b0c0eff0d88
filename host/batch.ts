import * as abi from "../assembly/abi.ts";
import type { Engine } from "./engine.ts";
import { MAX_WANTED, type Plan } from "./plan.ts";

/** Tokens that a session wants to take in. */
export interface Job {
  /** Address of the session's state. */
  readonly state: number;
  readonly tokens: readonly number[];
  /** Tokens taken in so far. */
  done: number;
}

/** Rows [first, end) of a batch: tokens of one job. */
interface Segment {
  readonly job: Job;
  readonly first: number;
  readonly end: number;
}

/** Rows of several jobs that go through the model together: its weights are read once for all of them. */
export interface Batch {
  readonly segments: readonly Segment[];
  /** Jobs that end with this batch; logits are computed for their last rows only. */
  readonly ending: readonly Job[];
}

/**
 * Fills a batch from the jobs that wait, those with the fewest tokens left first: a session that makes text gets its one
 * row in every batch, however long another's prompt is.
 */
export function makeBatch(jobs: readonly Job[]): Batch {
  const segments: Segment[] = [];
  const ending: Job[] = [];
  let rows = 0;
  const left = (job: Job) => job.tokens.length - job.done;
  for (const job of [...jobs].sort((a, b) => left(a) - left(b))) {
    if (rows === abi.BATCH_MAX_ROWS || ending.length === MAX_WANTED) break;
    const end = Math.min(rows + left(job), abi.BATCH_MAX_ROWS);
    segments.push({ job, first: rows, end });
    if (end - rows === left(job)) ending.push(job);
    rows = end;
  }
  return { segments, ending };
}

/**
 * Runs a batch and counts its tokens as taken in.
 * @param laps where thread 0 stores the time at the end of each phase, or 0
 * @returns the logits of each job that ends, in the order of `batch.ending`
 */
export async function runBatch(engine: Engine, plan: Plan, batch: Batch, laps = 0): Promise<Float32Array[]> {
  const { segments, ending } = batch;
  const rows = segments.at(-1)?.end ?? 0;
  writeBatch(engine, plan.batch, batch);
  await engine.run(abi.OP_FORWARD, rows, segments.length, ending.length, laps);
  for (const { job, first, end } of segments) job.done += end - first;
  const { address, stride } = plan.buffers[abi.BUF_LOGITS] ?? { address: 0, stride: 0 };
  return ending.map((_, i) => new Float32Array(engine.floats(address + i * stride, plan.shape.vocabSize)));
}

function writeBatch(engine: Engine, address: number, { segments, ending }: Batch): void {
  const array = (at: number, length: number) => engine.words(address + at, length);
  const tokens = array(abi.BATCH_TOKENS, abi.BATCH_MAX_ROWS);
  const owners = array(abi.BATCH_OWNERS, abi.BATCH_MAX_ROWS);
  const wanted = array(abi.BATCH_WANTED, MAX_WANTED);
  for (const [s, { job, first, end }] of segments.entries()) {
    tokens.set(job.tokens.slice(job.done, job.done + end - first), first);
    owners.fill(s, first, end);
    array(abi.BATCH_SEGMENTS + s * abi.SEGMENT_BYTES, 3).set([job.state, first, end]);
    const ends = ending.indexOf(job);
    if (ends >= 0) wanted[ends] = end - 1;
  }
}
