// What states cost beside reading, for random weights of RWKV-7's 0.1B shape: `npm run bench:sessions`. Marks, files, the
// prefix cache. With `-- --many`: tokens per second of 16 and of 64 sessions in all, in turn, without sampling and with it.
import { rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel, type Model } from "wkv";
import { syntheticModel } from "../../host/cli/synthetic.ts";
import { randomTokens } from "../support/models.ts";
import { benchModel } from "./model.ts";

const ROUNDS = 5;
const TOKENS = 8;
const FILE = join(tmpdir(), `wkv-bench-${process.pid}.state`);

if (process.argv.includes("--many")) {
  await many();
  process.exit();
}
const source = syntheticModel({ layers: 12, width: 768, headSize: 64, vocabSize: 65536 });
const plain = await loadModel(source, { vocab: null });
const cached = await loadModel(source, { vocab: null, prefixCache: { maxBytes: 1e9 } });
const { stateBytes, threads, vocabSize } = plain.info;
console.log(
  `a state has ${(stateBytes / 1e6).toFixed(2)} MB, its logits ${(vocabSize / 250e3).toFixed(2)} MB; ${threads} threads`,
);

for (const length of [16, 64, 256, 1024]) {
  const read = (model: typeof plain) => async (round: number) => {
    using session = model.createSession();
    await session.feed(randomTokens(length, vocabSize, 100 * length + round));
  };
  await report(`${length} tokens, no cache`, read(plain));
  await report(`${length} tokens, not in the cache`, read(cached));
  await report(`${length} tokens, in the cache`, read(cached));
}

const session = plain.createSession();
await session.feed(randomTokens(100, vocabSize));
const mark = await session.mark();
const saved = await session.save();
await report("fork", async () => session.fork().dispose());
await report("mark", async () => (await session.mark()).dispose());
await report("rewind", async () => session.rewind(mark));
await report("save", () => session.save());
await report("saveFile", () => session.saveFile(FILE));
await report("createSession(saved)", async () => plain.createSession(saved).dispose());
rmSync(FILE);
await plain.dispose();
await cached.dispose();

/** Prints median, minimum and maximum in milliseconds. */
async function report(name: string, work: (round: number) => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await work(round);
    times.push(performance.now() - start);
  }
  const [min, , median, , max] = times.sort((a, b) => a - b).map((ms) => ms.toFixed(2));
  console.log(`${name.padEnd(30)} ${median} ms (${min} to ${max})`);
}

/** A token of every session at a time. */
async function many(): Promise<void> {
  const model = await benchModel(undefined, { threads: 2 });
  console.log(`${cpus()[0]?.model}, ${model.info.threads} threads, ${process.version}, ${model.info.weights}`);
  for (let round = 0; round < ROUNDS; round++) {
    for (const count of [16, 64]) {
      const rates = [];
      for (const [name, temperature] of [
        ["fed", undefined],
        ["greedy", 0],
        ["sampled", 1],
      ] as const)
        rates.push(`${name} ${(await rateOf(model, count, temperature)).toFixed(0)}`);
      console.log(`${count} sessions: ${rates.join(", ")} tokens/s`);
    }
  }
  await model.dispose();
}

/** @param temperature of what is written; undefined: given tokens are fed */
async function rateOf(model: Model, count: number, temperature?: number): Promise<number> {
  const sessions = Array.from({ length: count }, () => model.createSession());
  await Promise.all(sessions.map((session, i) => session.feed([i])));
  const start = performance.now();
  await Promise.all(
    sessions.map(async (session, i) => {
      if (temperature === undefined) for (let n = 0; n < TOKENS; n++) await session.feed([100 * i + n]);
      else for await (const _ of session.generate([i], { maxTokens: TOKENS, temperature, topP: 0.9, seed: i }));
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  for (const session of sessions) session.dispose();
  const passes = TOKENS + (temperature === undefined ? 0 : 1); // and the prompt's
  return (count * passes) / seconds;
}
