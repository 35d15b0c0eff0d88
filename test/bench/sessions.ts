// What states cost beside reading, for random weights of RWKV-7's 0.1B shape: `npm run bench:sessions`. Marks, files, the
// prefix cache.
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel } from "wkv";
import { syntheticModel } from "../../host/cli/synthetic.ts";
import { randomTokens } from "../support/models.ts";

const ROUNDS = 5;
const FILE = join(tmpdir(), `wkv-bench-${process.pid}.state`);

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
