/** All the ways in which a program may be done with a model. */
import assert from "node:assert/strict";
import type { Model, Session } from "wkv";
import { load, randomTokens, SMALL, SMALL_IDS, symbols } from "./models.ts";
import { randomModel } from "./random-model.ts";

type Ending = () => Promise<void>;

const LONG = randomTokens(20_000, SMALL_IDS);

function loadSmall(): Promise<Model> {
  return load(SMALL, { threads: 3, vocab: symbols(SMALL_IDS) });
}

async function takeOne(session: Session): Promise<void> {
  for await (const _ of session.generate([1, 2])) return;
}

/** Starts a generation and never comes back to it. */
async function forsake(session: Session): Promise<void> {
  await session.generate([1, 2]).next();
}

/** No thread is left after these. */
export const CLEAN: Record<string, Ending> = {
  "dispose after a feed": async () => {
    const model = await loadSmall();
    await model.createSession().feed([1, 2, 3]);
    await model.dispose();
  },
  "dispose at once, twice": async () => {
    const model = await loadSmall();
    await Promise.all([model.dispose(), model.dispose()]);
  },
  "dispose while it feeds": async () => {
    const model = await loadSmall();
    const rejected = assert.rejects(model.createSession().feed(LONG), { code: "disposed" });
    await new Promise(setImmediate);
    await model.dispose();
    await rejected;
  },
  "dispose inside a generation": async () => {
    const model = await loadSmall();
    const generating = async () => {
      for await (const _ of model.createSession().generate([1])) await model.dispose();
    };
    await assert.rejects(generating(), { code: "disposed" });
  },
  "dispose after a generation that nobody finished": async () => {
    const model = await loadSmall();
    await forsake(model.createSession());
    await model.dispose();
  },
  "abort during a feed, then dispose": async () => {
    const model = await loadSmall();
    const controller = new AbortController();
    const rejected = assert.rejects(model.createSession().feed(LONG, { signal: controller.signal }), /enough/);
    setImmediate(() => controller.abort(new Error("enough")));
    await rejected;
    await model.dispose();
  },
  "abort while it loads": async () => {
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error("enough"));
    await assert.rejects(load(SMALL, { threads: 3, onProgress, signal: controller.signal }), /enough/);
  },
  "a file that cannot be loaded": async () => {
    await assert.rejects(load(new Uint8Array(1000), { threads: 3 }), { name: "WkvError" });
  },
};

/** The program ends by itself after these too. */
export const FORGOTTEN: Record<string, Ending> = {
  "a model that was only loaded": async () => {
    await loadSmall();
  },
  "a model that was used": async () => {
    await (await loadSmall()).createSession().feed([1, 2, 3]);
  },
  "a feed that nobody awaits": async () => {
    void (await loadSmall()).createSession().feed(LONG);
  },
  "a generation that was left early": async () => {
    await takeOne((await loadSmall()).createSession());
  },
  "a generation that nobody finished": async () => {
    await forsake((await loadSmall()).createSession());
  },
  "models that nobody awaits": async () => {
    for (let i = 0; i < 2; i++) void loadSmall();
  },
};

/** Loads and disposes of a model again and again; returns how much the process grew, in sizes of the model. */
export async function growth(times: number): Promise<number> {
  const bytes = randomModel({ width: 512, layers: 4, headSize: 64, vocabSize: 1000 });
  const before = process.memoryUsage().rss;
  let size = 0;
  for (let i = 0; i < times; i++) {
    const model = await load(bytes, { threads: 2 });
    await model.createSession().feed([1, 2, 3]);
    size = model.info.bytes;
    await model.dispose();
  }
  return (process.memoryUsage().rss - before) / size;
}
