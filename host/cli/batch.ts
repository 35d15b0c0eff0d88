import { once } from "node:events";
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import type { Server } from "../server/index.ts";
import { bundledPath } from "./bundled.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interrupt.ts";
import { load } from "./load.ts";
import { addModelOptions, type ModelOptions, VOCAB_HELP } from "./options.ts";
import { note, statusLine } from "./output.ts";
import { number } from "./parse.ts";

interface BatchOptions extends ModelOptions {
  model?: string;
  parallel: number;
  maxTokens?: number;
  prefixCache: number;
}

/** A line of OpenAI's batch format. */
interface Job {
  readonly custom_id: string;
  readonly url: string;
  readonly body: unknown;
}

const HELP = `${VOCAB_HELP}

IN.jsonl has a request per line, as for OpenAI's batches:
  {"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"messages":[...],"max_tokens":100}}
OUT.jsonl gets an answer per line, in order of completion:
  {"id":"...","custom_id":"1","response":{"status_code":200,"request_id":"...","body":{...}},"error":null}
A stopped run resumes: requests whose custom_id is in OUT.jsonl are skipped.

Examples:
  $ wkv batch in.jsonl out.jsonl --model model.pth
  $ wkv batch in.jsonl out.jsonl --parallel 64`;

export function addBatch(program: Command): void {
  const command = program
    .command("batch")
    .description("Answers a file of requests; can be stopped and resumed.")
    .argument("<IN>", "requests, one JSON object per line")
    .argument("<OUT>", "answers; appended to")
    .option("--model <file>", "a model file, an address or a folder; default: the bundled model")
    .option("--parallel <n>", "requests answered at the same time", number, 32)
    .option("-n, --max-tokens <n>", "maximum tokens per text; default: 2048", number)
    .option("--prefix-cache <MB>", "memory for cached states of prompts; 0: none", number, 256);
  addModelOptions(command);
  command.addHelpText("after", HELP).action(run);
}

async function run(input: string, output: string, options: BatchOptions): Promise<void> {
  const source = options.model ?? bundledPath("box");
  if (!source) throw new UsageError("--model is missing: wkv batch IN.jsonl OUT.jsonl --model MODEL");
  const jobs = await readJobs(input);
  const done = await readDone(output);
  const left = jobs.filter(({ custom_id }) => !done.has(custom_id));
  if (!options.quiet) note(`${jobs.length} requests, ${jobs.length - left.length} already answered`);
  if (left.length === 0) return;
  const { createServer } = await import("../server/index.ts");
  await interruptible(async (signal) => {
    await using model = await load(
      source,
      { ...options, prefixCache: { maxBytes: options.prefixCache * 1e6 } },
      signal,
    );
    const { parallel, maxTokens } = options;
    const server = createServer(model, { parallel, waiting: parallel, maxTokens, deadline: 86_400 });
    await answerAll(server, left, createWriteStream(output, { flags: "a" }), options, signal);
  });
}

/** @throws UsageError naming the invalid line */
async function readJobs(path: string): Promise<Job[]> {
  const jobs = new Map<string, Job>();
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(path) })) {
    line++;
    if (text.trim() === "") continue;
    const job = parsed(text);
    if (typeof job?.custom_id !== "string" || typeof job.url !== "string" || typeof job.body !== "object")
      throw new UsageError(`${path}, line ${line}: expected {"custom_id", "method", "url", "body"}.`);
    if (jobs.has(job.custom_id)) throw new UsageError(`${path}, line ${line}: the custom_id appears twice.`);
    jobs.set(job.custom_id, job as Job);
  }
  return [...jobs.values()];
}

/** Ids already answered. A line that was cut off when the program was stopped is removed. */
async function readDone(path: string): Promise<Set<string>> {
  const done = new Set<string>();
  if (!(await stat(path).catch(() => undefined))) return done;
  let end = 0;
  for await (const text of createInterface({ input: createReadStream(path) })) {
    const answer = parsed(text);
    if (typeof answer?.custom_id !== "string") break;
    done.add(answer.custom_id);
    end += Buffer.byteLength(text) + 1;
  }
  const file = await open(path, "r+");
  const { size } = await file.stat();
  if (end < size) await file.truncate(end);
  else if (end > size) await file.appendFile("\n"); // it was cut off before its line end
  await file.close();
  return done;
}

function parsed(json: string): Partial<Job> | undefined {
  try {
    return JSON.parse(json) ?? undefined;
  } catch {
    return undefined;
  }
}

async function answerAll(
  server: Server,
  jobs: readonly Job[],
  output: WriteStream,
  { parallel, quiet }: BatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const status = statusLine(quiet);
  const queue = jobs.values();
  const started = performance.now();
  let done = 0;
  const lane = async () => {
    for (const job of queue) {
      const line = await answer(server, job, signal);
      signal.throwIfAborted();
      if (!output.write(`${JSON.stringify(line)}\n`)) await once(output, "drain");
      status.show(progress(++done, jobs.length, (performance.now() - started) / 1000));
    }
  };
  try {
    await Promise.all(Array.from({ length: parallel }, lane));
  } finally {
    status.clear();
    output.end();
    await once(output, "finish");
  }
}

function progress(done: number, all: number, seconds: number): string {
  return `${done} of ${all}, ${Math.ceil(((all - done) * seconds) / done)} s left`;
}

async function answer({ fetch }: Server, { custom_id, url, body }: Job, signal: AbortSignal) {
  const response = await fetch(
    new Request(new URL(url, "http://localhost"), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...(body as object), stream: false }),
      signal,
    }),
  );
  const request_id = crypto.randomUUID();
  const answered = { status_code: response.status, request_id, body: await response.json() };
  return { id: `batch_req_${request_id}`, custom_id, response: answered, error: null };
}
