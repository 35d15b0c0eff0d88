import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import { UsageError } from "./failure.ts";
import { linesOf } from "./lines.ts";
import { statusLine } from "./output.ts";

/** A line of OpenAI's batch format. */
export interface Job {
  readonly custom_id: string;
  readonly url: string;
  readonly body: unknown;
}

/** A line of the answers. */
export interface Answered {
  readonly id: string;
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly request_id: string; readonly body: unknown } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** @throws UsageError that names the line that is no request */
export async function readJobs(path: string): Promise<Job[]> {
  const jobs = new Map<string, Job>();
  let line = 0;
  for await (const text of linesOf(createInterface({ input: createReadStream(path) }))) {
    line++;
    if (text.trim() === "") continue;
    const job = parsed(text);
    if (typeof job?.custom_id !== "string" || typeof job.url !== "string" || typeof job.body !== "object")
      throw new UsageError(`${path}, line ${line}: expected {"custom_id", "method", "url", "body"}.`);
    if (jobs.has(job.custom_id)) throw new UsageError(`${path}, line ${line}: the custom_id is there twice.`);
    jobs.set(job.custom_id, job as Job);
  }
  return [...jobs.values()];
}

/** Ids that are answered. A line that was cut off when the program was ended is removed. */
export async function readDone(path: string): Promise<Set<string>> {
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

/** The file of answers, and how many are still missing. */
export class AnswerFile {
  readonly #file: WriteStream;
  readonly #expected: number;
  readonly #status: ReturnType<typeof statusLine>;
  readonly #started = performance.now();
  #written = 0;

  constructor(path: string, expected: number, quiet?: boolean) {
    this.#file = createWriteStream(path, { flags: "a" });
    this.#expected = expected;
    this.#status = statusLine(quiet);
  }

  /** Resolves when the line is in the file. */
  async write(answer: Answered): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.#file.write(`${JSON.stringify(answer)}\n`, (error) => (error ? reject(error) : resolve())),
    );
    this.#written++;
    const left = this.#expected - this.#written;
    const seconds = ((performance.now() - this.#started) / 1000 / this.#written) * left;
    this.#status.show(`${this.#written} of ${this.#expected}, ${Math.ceil(seconds)} s left`);
  }

  async close(): Promise<void> {
    this.#status.clear();
    await new Promise<void>((resolve) => this.#file.end(resolve));
  }
}
