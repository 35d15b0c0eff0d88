import assert from "node:assert/strict";
import { test } from "node:test";
import { type Job, makeBatch } from "../../../host/engine/batch.ts";

const ROWS = 128;
const job = (tokens: number, done = 0): Job => ({ state: 0, tokens: new Array(tokens).fill(1), done });

test("jobs with the fewest tokens left come first, so that a long prompt delays no session that decodes", () => {
  const [prompt, decoding, nearlyDone] = [job(1000), job(1), job(500, 490)];
  const { segments, ending } = makeBatch([prompt, nearlyDone, decoding]);
  assert.deepEqual(
    segments.map((segment) => segment.job),
    [decoding, nearlyDone, prompt],
  );
  assert.deepEqual(ending, [decoding, nearlyDone]);
  assert.equal(segments.at(-1)?.end, ROWS);
});

test("a batch has no more rows than it may, and logits only where a job ends", () => {
  const { segments, wanted } = makeBatch([job(ROWS - 1), job(ROWS)]);
  assert.deepEqual(
    segments.map(({ first, end }) => [first, end]),
    [
      [0, ROWS - 1],
      [ROWS - 1, ROWS],
    ],
  );
  assert.deepEqual(
    wanted.map(({ row }) => row),
    [ROWS - 2],
  );
});
