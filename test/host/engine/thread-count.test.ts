/** How many threads decode: given times in place of a machine's load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ThreadCount } from "../../../host/engine/thread-count.ts";

/** Decodes `tokens`; a token takes what `time` says for the number of threads. Returns the number at the end. */
function decode(count: ThreadCount, tokens: number, time: (threads: number, token: number) => number): number {
  for (let i = 0; i < tokens; i++) count.record(1, time(count.forRows(1), i));
  return count.forRows(1);
}

/** Two threads take 5 ms, one takes 8. */
const calm = (threads: number) => (threads > 1 ? 5 : 8);
/** With another program on a core, every third token of two threads waits for a time slice. */
const contended = (threads: number, token: number) => (threads > 1 ? (token % 3 === 0 ? 25 : 5) : 8);

test("all threads decode while nothing disturbs them", () => {
  assert.equal(decode(new ThreadCount(2), 2000, calm), 2);
});

test("times of the first tokens, while V8 compiles the kernels again, change nothing", () => {
  const compiling = (threads: number, token: number) => calm(threads) * (token < 24 ? 4 - token / 8 : 1);
  assert.equal(decode(new ThreadCount(2), 100, compiling), 2);
  const counts = new Set<number>();
  const count = new ThreadCount(2);
  for (let i = 0; i < 100; i++) {
    counts.add(count.forRows(1));
    count.record(1, compiling(count.forRows(1), i));
  }
  assert.deepEqual([...counts], [2]);
});

test("threads that wait for one another become fewer, and come back when the core is free again", () => {
  const count = new ThreadCount(2);
  assert.equal(decode(count, 64, contended), 1);
  const sizes = Array.from({ length: 2000 }, (_, i) => decode(count, 1, () => contended(count.forRows(1), i)));
  assert.ok(sizes.filter((size) => size === 2).length < 100, "trials of two threads take less than a twentieth");
  assert.equal(decode(count, 2000, calm), 2);
});

test("a trial of fewer threads that is no better changes nothing", () => {
  // Uneven, but not because threads wait: one thread is uneven too, and slower.
  assert.equal(
    decode(new ThreadCount(2), 2000, (threads, token) => calm(threads) * (token % 3 ? 1 : 3)),
    2,
  );
});

test("four threads go down and up step by step", () => {
  const count = new ThreadCount(4);
  const stalling = (threads: number, token: number) => (threads > 1 ? (token % 3 === 0 ? 10 * threads : 4) : 8);
  assert.equal(decode(count, 400, stalling), 1);
  assert.equal(
    decode(count, 4000, (threads) => 16 / threads),
    4,
  );
});

test("one thread stays one, and batches of several rows take all", () => {
  assert.equal(
    decode(new ThreadCount(1), 100, (_, i) => 1 + (i % 5)),
    1,
  );
  const count = new ThreadCount(2);
  decode(count, 64, contended);
  assert.equal(count.forRows(2), 2);
});
