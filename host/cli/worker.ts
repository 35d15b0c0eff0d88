import { once } from "node:events";
import type { Worker } from "bullmq";
import type { Command } from "commander";
import type { Server } from "../server/index.ts";
import { answerJob } from "./batch-answer.ts";
import type { Answered, Job } from "./batch-file.ts";
import { openBullmq, type QueueAddress } from "./batch-queue.ts";
import { defaultModel } from "./default-model.ts";
import { UsageError } from "./failure.ts";
import { load } from "./load.ts";
import { addModelOptions, type ModelOptions, VOCAB_HELP } from "./options.ts";
import { note } from "./output.ts";
import { number } from "./parse.ts";
import { stopSignal } from "./stop-signal.ts";

interface WorkerOptions extends ModelOptions, QueueAddress {
  parallel: number;
  lease: number;
  maxTokens?: number;
  prefixCache: number;
}

/** Workers that may be killed by one request before it is given up: it may well be what kills them. */
const MAX_KILLS = 5;

const HELP = `${VOCAB_HELP}

The requests come from wkv batch --redis. Start as many workers as there are machines, all with the same model.
SIGTERM and Ctrl-C: the requests that are being answered are finished first. What a killed worker had begun goes to
another one after --lease seconds.

Examples:
  $ wkv worker model.pth --redis redis://localhost:6379
  $ wkv batch in.jsonl out.jsonl --redis redis://localhost:6379`;

export function addWorker(program: Command): void {
  const command = program
    .command("worker")
    .description("Answers the requests of a queue in Redis.")
    .argument("[MODEL]", "a model file, an address or a folder; default: the model that comes with wkv")
    .requiredOption("--redis <address>", "redis://HOST:PORT")
    .option("--queue <name>", "the queue in Redis", "wkv")
    .option("--parallel <n>", "requests that are answered at the same time", number, 32)
    .option("--lease <seconds>", "after which a killed worker's requests go to another one", number, 10)
    .option("-n, --max-tokens <n>", "most tokens of a text; default: 2048", number)
    .option("--prefix-cache <MB>", "memory for states of prompts; 0: none", number, 256);
  addModelOptions(command);
  command.addHelpText("after", HELP).action(run);
}

async function run(given: string | undefined, options: WorkerOptions): Promise<void> {
  const source = given ?? (await defaultModel());
  if (!source) throw new UsageError("MODEL is missing: wkv worker MODEL --redis redis://HOST:PORT");
  const { parallel, maxTokens, prefixCache } = options;
  const { bullmq, connection } = await openBullmq(options);
  const { createServer } = await import("../server/index.ts"); // other commands start without it
  const stop = stopSignal();
  await using model = await load(source, { ...options, prefixCache: { maxBytes: prefixCache * 1e6 } }, stop);
  const server = createServer(model, { parallel, waiting: parallel, maxTokens, deadline: 86_400 });
  const settings = { connection, concurrency: parallel, ...leaseOf(options) };
  const worker = new bullmq.Worker<Job, Answered>(options.queue, ({ data }) => answer(server, data), settings);
  await untilStopped(worker, stop);
}

/** A request that is still being answered when its lease ends has it renewed, unless the worker is gone. */
function leaseOf({ lease }: WorkerOptions) {
  return { lockDuration: 1000 * lease, stalledInterval: 500 * lease, maxStalledCount: MAX_KILLS };
}

function answer(server: Server, job: Job): Promise<Answered> {
  return answerJob(server, job, new AbortController().signal);
}

async function untilStopped(worker: Worker<Job, Answered>, stop: AbortSignal): Promise<void> {
  worker.on("error", ({ message }) => note(message)); // it connects again by itself
  await worker.waitUntilReady();
  note("waiting for requests");
  if (!stop.aborted) await once(stop, "abort");
  note("no more requests; running answers are finished");
  await worker.close();
}
