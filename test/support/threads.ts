import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { afterEach, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { load, SMALL } from "./models.ts";

const TASKS = "/proc/self/task";
/** A thread that ends may be listed a moment longer. */
const PATIENCE_MS = 20_000;

/** For node:test's `skip`: false, or why threads cannot be counted. */
export const cannotCount = existsSync(TASKS) ? false : "only Linux lists a process's threads";

/** Threads of this process once everything that the runtime starts on first use is there. */
export async function threadsWithoutModel(): Promise<number> {
  const model = await load(SMALL, { threads: 2 });
  const withModel = countThreads();
  await model.dispose();
  let least = countThreads();
  for (let i = 0; i < 10; i++) {
    await sleep(20);
    least = Math.min(least, countThreads());
  }
  assert.ok(least <= withModel - 2 || cannotCount, "a model's threads are not counted");
  return least;
}

/** Fails when there are more threads than `expected`, and stay. */
export async function assertThreads(expected: number): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  while (countThreads() > expected && Date.now() < until) await sleep(20);
  assert.ok(countThreads() <= expected, `${countThreads()} threads instead of ${expected}`);
}

/** Fails the tests of this file that leave a thread behind. */
export function watchThreads(): void {
  let threads = 0;
  before(async () => {
    threads = await threadsWithoutModel();
  });
  if (!cannotCount) afterEach(() => assertThreads(threads));
}

function countThreads(): number {
  return existsSync(TASKS) ? readdirSync(TASKS).length : 0;
}
