/** A server answers other requests while a model works. */
import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import { loadTokenizer } from "../../host/tokenizer/index.ts";
import { load, randomTokens } from "../support/models.ts";
import { randomModel } from "../support/random-model.ts";

const VOCAB = 2000;
/** Ten batches, each far longer than a turn of the event loop. */
const TOKENS = randomTokens(1280, VOCAB);

test("a long feed does not hold the event loop", async (t) => {
  const model = await load(randomModel({ width: 512, layers: 6, headSize: 64, vocabSize: VOCAB }), { threads: 2 });
  const session = model.createSession();
  await session.feed(1);
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  const started = performance.now();
  await session.feed(TOKENS);
  const took = performance.now() - started;
  delays.disable();
  await model.dispose();
  const [middle, late] = [50, 99].map((percent) => delays.percentile(percent) / 1e6) as [number, number];
  t.diagnostic(`${TOKENS.length} tokens in ${took.toFixed(0)} ms; the event loop turned ${delays.count} times`);
  t.diagnostic(`from one turn to the next: ${middle.toFixed(1)} ms (median), ${late.toFixed(1)} ms (99th percentile)`);
  assert.ok(delays.count > 20, `the event loop turned ${delays.count} times`);
  // A loop that is held takes one turn as long as the feed; a machine that is busy otherwise is slow at both.
  assert.ok(late < Math.max(100, took / 10), `1 % of the turns took ${late} ms or longer`);
});

test("a vocabulary of the World's size does not hold the event loop", async (t) => {
  const line = (id: number) => {
    const token = `${id.toString(36)} of a vocabulary`.slice(0, 3 + (id % 9));
    return `${id} '${id}${token}' ${`${id}${token}`.length}`;
  };
  const file = new TextEncoder().encode(Array.from({ length: 65_529 }, (_, i) => line(i + 1)).join("\n"));
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const started = performance.now();
  const tokenizer = await loadTokenizer(file);
  const took = performance.now() - started;
  delays.disable();
  assert.equal(tokenizer.vocabSize, 65_530);
  t.diagnostic(`parsed in ${took.toFixed(0)} ms; the longest turn took ${(delays.max / 1e6).toFixed(0)} ms`);
  assert.ok(delays.max / 1e6 < Math.max(50, took / 4), `a turn took ${delays.max / 1e6} ms of ${took}`);
});
