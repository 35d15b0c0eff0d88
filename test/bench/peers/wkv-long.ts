// Time of a token and memory, early in a text and late in one: two sessions of one model, measured in turn.
import { loadSampler, loadWkv } from "./load-wkv.ts";
import { answer, type LongAnswer, type LongRequest } from "./protocol.ts";
import { median } from "./statistics.ts";

const EARLY = 100;
/** Milestones on the way, for whoever waits. */
const MILESTONE = 10_000;
const PAIRS = 15;
const TOKENS = 20;

await answer(
  async ({ model: path, weights, threads, prompt: { tokens }, position }: LongRequest): Promise<LongAnswer> => {
    const model = await loadWkv(path, threads, weights);
    const sample = await loadSampler();
    const early = model.createSession();
    const late = model.createSession();

    /** Median milliseconds of one token. */
    async function tokenTime(session: typeof early): Promise<number> {
      const times: number[] = [];
      const into = new Float32Array(model.info.vocabSize);
      let token = 1;
      for (let i = 0; i < TOKENS; i++) {
        const start = performance.now();
        token = sample(await session.feed(token, { into }));
        times.push(performance.now() - start);
      }
      return median(times);
    }

    await early.feed(tokens.slice(0, EARLY));
    await late.feed(tokens);
    await tokenTime(early);
    const before = process.memoryUsage.rss();
    for (let at = tokens.length; at < position; at += tokens.length) {
      await late.feed(tokens);
      if (at % MILESTONE < tokens.length) console.error(`position ${at} of ${position}`);
    }
    const memory = { early: before, late: process.memoryUsage.rss() };
    const pairs: LongAnswer["pairs"] = [];
    for (let i = 0; i < PAIRS; i++) pairs.push({ early: await tokenTime(early), late: await tokenTime(late) });
    return { pairs, memory };
  },
);
