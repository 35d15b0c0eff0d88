// node --import tsx test/soak/sessions.ts COUNT SEED: sessions that run together on two threads with a prefix cache, each doing a dozen things
// drawn from its number, aborted feeds and broken-off generations among them; then each alone on one thread. Prints how many differ.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { loadModel, type Model, type Session } from "wkv";
import { random } from "../support/random.ts";

const [count, seed] = process.argv.slice(2).map(Number) as [number, number];
const STEPS = 14;
const MODEL = fileURLToPath(new URL("../models/fairy/fairy.safetensors", import.meta.url));

interface Play {
  session: Session;
  readonly model: Model;
  readonly isAlone: boolean;
  next(below: number): number;
  tokens(most: number): number[];
  see(value: Float32Array | Uint8Array | string): void;
}

const ACTIONS: readonly ((play: Play) => Promise<void>)[] = [
  async ({ session, tokens, see }) => see(await session.feed(tokens(200))),
  async ({ session, tokens, next, see }) => {
    const options = { maxTokens: 1 + next(12), seed: next(1e6), temperature: 0.9 };
    for await (const piece of session.generate(tokens(30), options)) see(piece.text);
  },
  async (play) => {
    const fork = play.session.fork();
    play.see(await fork.feed(play.tokens(3)));
    play.session.dispose();
    play.session = fork;
  },
  async (play) => {
    const saved = await play.session.save();
    play.session.dispose();
    play.session = play.model.createSession(saved);
  },
  async ({ session, tokens, see }) => {
    const mark = await session.mark();
    see(await session.feed(tokens(40)));
    session.rewind(mark);
    mark.dispose();
  },
  // Aborted at some time when others run beside it, and then taken back: alone there is nothing to do.
  async ({ session, isAlone, tokens }) => {
    const mark = await session.mark();
    const text = tokens(600);
    if (!isAlone) {
      const abort = new AbortController();
      setTimeout(() => abort.abort(new Error("stop")), 60 * Math.random());
      await session.feed(text, { signal: abort.signal }).catch((error: Error) => {
        if (error.message !== "stop") throw error;
      });
    }
    session.rewind(mark);
  },
  async ({ session, isAlone, tokens }) => {
    const mark = await session.mark();
    const prompt = tokens(5);
    let left = isAlone ? 0 : Math.floor(10 * Math.random());
    if (!isAlone) for await (const _ of session.generate(prompt, { maxTokens: 40, seed: 1 })) if (left-- <= 0) break;
    session.rewind(mark);
  },
  async ({ session, tokens, see }) => {
    for await (const logits of session.feedEach(tokens(40))) see(logits);
  },
  async ({ session }) => session.reset(),
];

async function play(model: Model, number: number, isAlone: boolean): Promise<string> {
  const next = random(1000 * seed + number);
  const { vocabSize } = model.info;
  const hash = createHash("sha256");
  const see = (value: Float32Array | Uint8Array | string) =>
    hash.update(
      value instanceof Float32Array ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : value,
    );
  // Three beginnings, which every session reads at its start and at its end: what the prefix cache has kept by then. A third
  // of the texts begin as others do, too.
  const beginning = Array.from({ length: 100 }, () => 1 + (number % 3));
  const tokens = (most: number) => {
    const from = next(3) === 0 ? random(next(5)) : next;
    return Array.from({ length: 1 + next(most) }, () => from(vocabSize));
  };
  const state: Play = { session: model.createSession(), model, isAlone, next, tokens, see };
  see(await state.session.feed(beginning));
  for (let step = 0; step < STEPS; step++) await (ACTIONS[next(ACTIONS.length)] as (typeof ACTIONS)[0])(state);
  state.session.reset();
  see(await state.session.feed([...beginning, ...tokens(20)]));
  state.session.dispose();
  return hash.digest("hex");
}

const numbers = Array.from({ length: count }, (_, number) => number);
const together = await loadModel(MODEL, { threads: 2, prefixCache: { maxBytes: 20e6 } });
const found = await Promise.all(numbers.map((number) => play(together, number, false)));
const { hits } = together.prefixCache;
await together.dispose();
const alone = await loadModel(MODEL, { threads: 1 });
const expected: string[] = [];
for (const number of numbers) expected.push(await play(alone, number, true));
await alone.dispose();
const different = numbers.filter((number) => found[number] !== expected[number]);
console.log(JSON.stringify({ count, hits, different }));
