/** `wkv batch --redis` and three `wkv worker` that are killed at random: every line is answered exactly once. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { outcome, runProgram, startProgram } from "../support/cli-program.ts";
import { missingProgram, startRedis } from "../support/redis-program.ts";
import { line } from "../support/serve-program.ts";

/** 2,000 where everything is checked; fewer are as good while one works on it. */
const LINES = process.env.CI === "true" ? 2000 : 400;
const WORKERS = 3;
const KILLS = 3;
const TOKENS = 6;
const skip = missingProgram("redis-server", "--version", "redis-server");

let folder = "";
let redis: Awaited<ReturnType<typeof startRedis>>;
const workers = new Set<ReturnType<typeof startProgram>>();
before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "wkv-workers-"));
  redis = await startRedis(folder);
});
after(async () => {
  if (skip) return;
  for (const worker of workers) worker.kill("SIGKILL");
  await redis.stop();
  rmSync(folder, { recursive: true });
});

async function startWorker(): Promise<void> {
  const args = ["worker", "--redis", redis.url, "--lease", "2", "--parallel", "8", "--threads", "1"];
  const worker = startProgram(args, folder);
  await line(worker, /waiting for requests/);
  workers.add(worker);
}

/** Kills a worker, and starts another in its place. */
async function replaceWorker(nth: number): Promise<void> {
  const victim = [...workers][nth]!;
  workers.delete(victim);
  victim.kill("SIGKILL");
  await startWorker();
}

const request = (i: number) => ({
  custom_id: `r${i}`,
  method: "POST",
  url: "/v1/completions",
  body: { prompt: `${i}. Once`, max_tokens: TOKENS, seed: i, ignore_eos: true },
});

const answers = () => {
  const out = join(folder, "out.jsonl");
  const text = existsSync(out) ? readFileSync(out, "utf8") : "";
  return text.split("\n").slice(0, -1);
};

/** Resolves when so many lines have been answered. */
async function answered(count: number): Promise<void> {
  while (answers().length < count) await pause(10);
}

test("the batch is killed, and workers are, and nothing is lost or answered twice", { skip }, async () => {
  const requests = Array.from({ length: LINES }, (_, i) => request(i));
  writeFileSync(join(folder, "in.jsonl"), requests.map((each) => `${JSON.stringify(each)}\n`).join(""));
  await Promise.all(Array.from({ length: WORKERS }, startWorker));
  const args = ["batch", "in.jsonl", "out.jsonl", "--redis", redis.url];
  const first = startProgram(args, folder);
  const killed = outcome(first);
  await answered(1);
  first.kill("SIGKILL");
  await killed;
  assert.ok(answers().length < LINES, "the batch was over before it was killed");

  const batch = runProgram(args, folder);
  for (let kill = 1; kill <= KILLS; kill++) {
    await answered((LINES * kill) / (KILLS + 2));
    await replaceWorker(Math.floor(Math.random() * WORKERS));
  }
  const { code, stderr } = await batch;
  assert.equal(code, 0, stderr);
  const lines = answers().map((text) => JSON.parse(text));
  assert.deepEqual(lines.map(({ custom_id }) => custom_id).sort(), requests.map(({ custom_id }) => custom_id).sort());
  for (const { response, error } of lines) {
    assert.deepEqual([response?.status_code, error], [200, null]);
    assert.equal(response.body.usage.completion_tokens, TOKENS);
  }
});

test("a worker that is told to stop finishes what it has begun", { skip }, async () => {
  for (const worker of workers) {
    const ended = once(worker, "close");
    worker.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  }
  workers.clear();
});
