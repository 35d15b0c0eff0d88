import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Queue, Job as QueuedJob } from "bullmq";
import type { Answered, Job } from "./batch-file.ts";
import { checkRedis, peer } from "./redis.ts";

export interface QueueAddress {
  readonly redis: string;
  readonly queue: string;
}

interface Bullmq {
  readonly bullmq: typeof import("bullmq");
  readonly connection: { url: string; maxRetriesPerRequest: null };
}

type Jobs = Queue<Job, Answered>;

const POLL_MS = 200;
/** Jobs in one message to Redis. */
const CHUNK = 500;
/** Answers that no batch came for. */
const KEPT = { age: 7 * 86_400 };

/** @throws UsageError when a package or Redis is not there */
export async function openBullmq({ redis: url }: QueueAddress): Promise<Bullmq> {
  const bullmq = await peer(import("bullmq"), "bullmq");
  await checkRedis(url);
  return { bullmq, connection: { url, maxRetriesPerRequest: null } };
}

/**
 * Gives jobs to the workers, and writes their answers down.
 * @param write resolves when an answer is safe: until then Redis keeps it
 */
export async function answerByWorkers(
  address: QueueAddress,
  jobs: readonly Job[],
  write: (answer: Answered) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { bullmq, connection } = await openBullmq(address);
  const queue: Jobs = new bullmq.Queue(address.queue, { connection });
  queue.on("error", () => {}); // it connects again by itself
  const waiting = new Map(jobs.map((job) => [idOf(job), job]));
  try {
    await addAll(queue, waiting);
    while (waiting.size > 0) if ((await collect(queue, waiting, write)) === 0) await pause(POLL_MS, null, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await queue.close();
  }
}

/** The same job has the same id: a batch that is run again finds those that it left in Redis. */
function idOf(job: Job): string {
  return createHash("sha256").update(JSON.stringify(job)).digest("hex");
}

async function addAll(queue: Jobs, jobs: ReadonlyMap<string, Job>): Promise<void> {
  const added = [...jobs].map(([jobId, data]) => ({
    name: "answer",
    data,
    opts: { jobId, removeOnComplete: KEPT, removeOnFail: KEPT },
  }));
  for (let i = 0; i < added.length; i += CHUNK) await queue.addBulk(added.slice(i, i + CHUNK));
}

/** @returns how many answers there were */
async function collect(
  queue: Jobs,
  waiting: Map<string, Job>,
  write: (answer: Answered) => Promise<void>,
): Promise<number> {
  const ids = (await queue.getRanges(["completed", "failed"], 0, -1)).filter((id) => waiting.has(id));
  for (const id of ids) {
    const ended = (await queue.getJob(id)) as QueuedJob<Job, Answered> | undefined;
    await write(ended?.returnvalue ?? failure(waiting.get(id)!, ended?.failedReason));
    await queue.remove(id);
    waiting.delete(id);
  }
  return ids.length;
}

function failure({ custom_id }: Job, message = "The answer was lost."): Answered {
  const error = { code: "worker_failed", message };
  return { id: `batch_req_${crypto.randomUUID()}`, custom_id, response: null, error };
}
