/** How many threads decode: given times in place of a machine's load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Crew } from "../../../host/engine/thread-count.ts";

/** Decodes `tokens`; a token takes what `time` says for the number of threads. Returns the number at the end. */
function decode(crew: Crew, tokens: number, time: (threads: number, token: number) => number): number {
  for (let i = 0; i < tokens; i++) crew.record(1, time(crew.sizeFor(1), i));
  return crew.sizeFor(1);
}

/** Two threads take 5 ms, one takes 8. */
const calm = (threads: number) => (threads > 1 ? 5 : 8);
/** With another program on a core, every third token of two threads waits for a time slice. */
const contended = (threads: number, token: number) => (threads > 1 ? (token % 3 === 0 ? 25 : 5) : 8);

test("all threads decode while nothing disturbs them", () => {
  assert.equal(decode(new Crew(2), 2000, calm), 2);
});

test("threads that wait for one another become fewer, and come back when the core is free again", () => {
  const crew = new Crew(2);
  assert.equal(decode(crew, 40, contended), 1);
  const sizes = Array.from({ length: 2000 }, (_, i) => decode(crew, 1, () => contended(crew.sizeFor(1), i)));
  assert.ok(sizes.filter((size) => size === 2).length < 100, "trials of two threads take less than a twentieth");
  assert.equal(decode(crew, 2000, calm), 2);
});

test("a trial of fewer threads that is no better changes nothing", () => {
  // Uneven, but not because threads wait: one thread is uneven too, and slower.
  assert.equal(
    decode(new Crew(2), 2000, (threads, token) => calm(threads) * (token % 3 ? 1 : 3)),
    2,
  );
});

test("four threads go down and up step by step", () => {
  const crew = new Crew(4);
  const stalling = (threads: number, token: number) => (threads > 1 ? (token % 3 === 0 ? 10 * threads : 4) : 8);
  assert.equal(decode(crew, 400, stalling), 1);
  assert.equal(
    decode(crew, 4000, (threads) => 16 / threads),
    4,
  );
});

test("one thread stays one, and batches of several rows take all", () => {
  assert.equal(
    decode(new Crew(1), 100, (_, i) => 1 + (i % 5)),
    1,
  );
  const crew = new Crew(2);
  decode(crew, 40, contended);
  assert.equal(crew.sizeFor(2), 2);
});
