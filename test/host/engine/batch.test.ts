import assert from "node:assert/strict";
import { test } from "node:test";
import { type Job, makeBatch } from "../../../host/engine/batch.ts";
import { PromptShare } from "../../../host/engine/prompt-share.ts";

const ROWS = 128;
const job = (tokens: number, done = 0): Job => ({ state: 0, tokens: new Array(tokens).fill(1), done });

test("jobs with the fewest tokens left come first, so that a long prompt delays no session that decodes", () => {
  const [prompt, decoding, nearlyDone] = [job(1000), job(1), job(500, 490)];
  const { segments, ending } = makeBatch([prompt, nearlyDone, decoding], { batchRows: ROWS, logitsRows: 16 });
  assert.deepEqual(
    segments.map((segment) => segment.job),
    [decoding, nearlyDone, prompt],
  );
  assert.deepEqual(ending, [decoding, nearlyDone]);
  assert.equal(segments.at(-1)?.end, ROWS);
});

test("a batch has no more rows than it may, and logits only where a job ends", () => {
  const { segments, wanted } = makeBatch([job(ROWS - 1), job(ROWS)], { batchRows: ROWS, logitsRows: 16 });
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

test("prompts have no more rows than they may, and those that make text are not counted", () => {
  const [prompt, decoding, draft] = [job(1000), job(1), job(5)];
  const { segments } = makeBatch([prompt, draft, decoding], { batchRows: ROWS, logitsRows: 16 }, 32);
  assert.deepEqual(
    segments.map(({ job, first, end }) => [job, end - first]),
    [
      [decoding, 1],
      [draft, 5],
      [prompt, 32],
    ],
  );
  assert.deepEqual(makeBatch([prompt, decoding], { batchRows: ROWS, logitsRows: 16 }, 0).segments.length, 1);
});

test("a prompt is read beside more sessions than a batch has logits for", () => {
  const decoding = Array.from({ length: 20 }, () => job(1));
  const { segments, wanted } = makeBatch([...decoding, job(1000)], { batchRows: ROWS, logitsRows: 16 });
  assert.equal(wanted.length, 16);
  assert.equal(segments.at(-1)!.end, ROWS);
});

test("one prompt takes a quarter of the time from those that make text, and many take their share", () => {
  for (const [prompts, between, expected] of [
    [1, 0, 0.25],
    [1, 15, 0.25],
    [24, 0, 0.75],
  ] as const) {
    const share = new PromptShare();
    let [promptTime, time] = [0, 0];
    for (let batch = 0; batch < 1000; batch++) {
      const rows = share.rows(8, prompts);
      const milliseconds = 10 + rows;
      share.record(8, prompts, rows, milliseconds, between + milliseconds);
      promptTime += rows;
      time += between + milliseconds;
    }
    assert.ok(Math.abs(promptTime / time - expected) < 0.05, `${promptTime / time}`);
  }
  assert.equal(new PromptShare().rows(0, 1), ROWS);
});

test("no more rows than have room for logits are asked for: the sessions behind them wait", () => {
  const jobs = Array.from({ length: 40 }, () => job(1));
  assert.equal(makeBatch(jobs, { batchRows: ROWS, logitsRows: 16 }).segments.length, 16);
  assert.equal(makeBatch(jobs, { batchRows: ROWS, logitsRows: 64 }).segments.length, 40);
});
