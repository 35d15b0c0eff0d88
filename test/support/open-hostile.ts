// Opens the files that are named on standard input, one after the other, as `loadModel` would before it takes memory, and
// prints a line of JSON for each: how it ended, after how long, and the most memory that this process has used since.
import { createInterface } from "node:readline";
import { openCheckpoint } from "../../host/checkpoint/open.ts";
import { WkvError } from "../../host/errors.ts";
import { openLora } from "../../host/model/lora.ts";
import { recogniseModel } from "../../host/models/recognise.ts";
import { openSource } from "../../host/source/open.ts";

export interface Ending {
  path: string;
  /** A WkvError's code, "opened" when it was taken for a sound model, or another error's text. */
  outcome: string;
  message: string;
  ms: number;
  /** Bytes above those of the process before the first file. */
  memory: number;
}

async function open(path: string): Promise<void> {
  const file = await openSource(path);
  try {
    const checkpoint = await openCheckpoint(file);
    recogniseModel(checkpoint, file.name);
  } finally {
    await file.close();
  }
}

/** `lora:MODEL:FILE` is a LoRA for a model. */
async function openAll(line: string): Promise<void> {
  const [, model, path] = /^lora:(.*):(.*)$/.exec(line) ?? [];
  if (model === undefined) return open(line);
  const [base, lora] = [await openSource(model), await openLora({ source: path as string })];
  try {
    recogniseModel(await openCheckpoint(base), base.name, [lora]);
  } finally {
    await Promise.all([base.close(), lora.file.close()]);
  }
}

const before = process.resourceUsage().maxRSS;
for await (const path of createInterface({ input: process.stdin })) {
  const start = performance.now();
  const ended = await openAll(path).then(
    () => ({ outcome: "opened", message: "" }),
    (error: unknown) =>
      error instanceof WkvError
        ? { outcome: error.code, message: error.message }
        : { outcome: String(error), message: "" },
  );
  const memory = 1024 * (process.resourceUsage().maxRSS - before);
  console.log(JSON.stringify({ path, ...ended, ms: performance.now() - start, memory } satisfies Ending));
}
