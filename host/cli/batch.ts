import type { Command } from "commander";
import { answerJob } from "./batch-answer.ts";
import { type Answered, AnswerFile, type Job, readDone, readJobs } from "./batch-file.ts";
import { answerByWorkers } from "./batch-queue.ts";
import { defaultModel } from "./default-model.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interrupt.ts";
import { load } from "./load.ts";
import { addModelOptions, type ModelOptions, VOCAB_HELP } from "./options.ts";
import { note } from "./output.ts";
import { number } from "./parse.ts";

interface BatchOptions extends ModelOptions {
  model?: string;
  redis?: string;
  queue: string;
  parallel: number;
  maxTokens?: number;
  prefixCache: number;
}

type Write = (answer: Answered) => Promise<void>;

const HELP = `${VOCAB_HELP}

IN.jsonl has a request per line, as for OpenAI's batches:
  {"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"messages":[...],"max_tokens":100}}
OUT.jsonl gets an answer per line, in order of completion:
  {"id":"...","custom_id":"1","response":{"status_code":200,"request_id":"...","body":{...}},"error":null}
A stopped run resumes: requests whose custom_id is in OUT.jsonl are skipped.
With --redis the answers come from the workers of that queue (wkv worker --help), on any number of machines.

Examples:
  $ wkv batch in.jsonl out.jsonl --model model.pth
  $ wkv batch in.jsonl out.jsonl --parallel 64
  $ wkv batch in.jsonl out.jsonl --redis redis://localhost:6379`;

export function addBatch(program: Command): void {
  const command = program
    .command("batch")
    .description("Answers a file of requests; can be stopped and resumed.")
    .argument("<IN>", "requests, one JSON object per line")
    .argument("<OUT>", "answers; appended to")
    .option("--model <file>", "a model file, an address or a folder; default: the bundled model")
    .option("--redis <address>", "gives the requests to workers: redis://HOST:PORT")
    .option("--queue <name>", "the workers' queue in Redis", "wkv")
    .option("--parallel <n>", "requests answered at the same time", number, 32)
    .option("-n, --max-tokens <n>", "maximum tokens per text; default: 2048", number)
    .option("--prefix-cache <MB>", "memory for cached states of prompts; 0: none", number, 256);
  addModelOptions(command);
  command.addHelpText("after", HELP).action(run);
}

async function run(input: string, output: string, options: BatchOptions): Promise<void> {
  const { redis, queue, model, quiet } = options;
  if (redis && model) throw new UsageError("--model does not go with --redis: the workers have the model.");
  const jobs = await readJobs(input);
  const done = await readDone(output);
  const left = jobs.filter(({ custom_id }) => !done.has(custom_id));
  if (!quiet) note(`${jobs.length} requests, ${jobs.length - left.length} already answered`);
  if (left.length === 0) return;
  await interruptible(async (signal) => {
    const file = new AnswerFile(output, left.length, quiet);
    const write: Write = (answer) => file.write(answer);
    try {
      if (redis) await answerByWorkers({ redis, queue }, left, write, signal);
      else await answerHere(left, write, options, signal);
    } finally {
      await file.close();
    }
  });
}

async function answerHere(
  jobs: readonly Job[],
  write: Write,
  options: BatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const { parallel, maxTokens, prefixCache } = options;
  const source = options.model ?? (await defaultModel());
  if (!source) throw new UsageError("--model is missing: wkv batch IN.jsonl OUT.jsonl --model MODEL");
  const { createServer } = await import("../server/index.ts"); // only this command needs it
  await using model = await load(source, { ...options, prefixCache: { maxBytes: prefixCache * 1e6 } }, signal);
  const server = createServer(model, { parallel, waiting: parallel, maxTokens, deadline: 86_400 });
  const queue = jobs.values();
  const lane = async () => {
    for (const job of queue) {
      const answer = await answerJob(server, job, signal);
      signal.throwIfAborted();
      await write(answer);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
}
