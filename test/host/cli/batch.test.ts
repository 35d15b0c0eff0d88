/** `wkv batch`: one answer per request, also when it is killed and run again. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ndjson, outcome, runProgram, startProgram } from "../../support/cli-program.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const folder = tempFolder("batch");

const request = (i: number, more = {}) => ({
  custom_id: `r${i}`,
  method: "POST",
  url: "/v1/completions",
  body: { prompt: "Once upon a time", max_tokens: 20, seed: i, ignore_eos: true, ...more },
});
const ARGS = ["batch", "in.jsonl", "out.jsonl", "--threads", "1", "--parallel", "4"];
const lines = (path: string) => ndjson(readFileSync(join(folder, path), "utf8"));

test("answers every request once, though it is killed on the way and its last line is cut off", async () => {
  const requests = Array.from({ length: 60 }, (_, i) => request(i));
  writeFileSync(join(folder, "in.jsonl"), requests.map((each) => `${JSON.stringify(each)}\n`).join(""));
  const out = join(folder, "out.jsonl");
  const killed = startProgram([...ARGS], folder);
  const ended = outcome(killed);
  const written = () => (existsSync(out) ? readFileSync(out, "utf8").split("\n").length - 1 : 0);
  for (let i = 0; i < 2000 && written() < 3; i++) await pause(10);
  killed.kill("SIGKILL");
  await ended;
  assert.ok(written() >= 3 && written() < 60, `${written()} lines`);
  writeFileSync(out, '{"custom_id":"r5', { flag: "a" });
  const { code, stderr } = await runProgram([...ARGS], folder);
  assert.equal(code, 0, stderr);
  const answers = lines("out.jsonl");
  assert.deepEqual(answers.map(({ custom_id }) => custom_id).sort(), requests.map(({ custom_id }) => custom_id).sort());
  for (const { response, error } of answers) {
    assert.deepEqual([response.status_code, error], [200, null]);
    assert.equal(response.body.usage.completion_tokens, 20);
  }
  const again = await runProgram([...ARGS], folder);
  assert.match(again.stderr, /60 already answered/);
});

test("a request that is wrong has its error as its answer; a line that is none is named", async () => {
  writeFileSync(join(folder, "in.jsonl"), `${JSON.stringify(request(1, { top_p: 7 }))}\n`);
  rmSync(join(folder, "out.jsonl"));
  assert.equal((await runProgram([...ARGS], folder)).code, 0);
  const [{ response }] = lines("out.jsonl");
  assert.deepEqual([response.status_code, response.body.error.param], [400, "top_p"]);
  writeFileSync(join(folder, "in.jsonl"), `${JSON.stringify(request(2))}\nnonsense\n`);
  const { code, stderr } = await runProgram([...ARGS], folder);
  assert.equal(code, 2);
  assert.match(stderr, /line 2/);
});
