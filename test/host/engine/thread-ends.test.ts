// A thread that ends while its model is in use: every call ends with an error, whichever thread it was, and nothing hangs.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Worker } from "node:worker_threads";
import { load, randomTokens, SMALL, SMALL_IDS } from "../../support/models.ts";

/** Real workers, as the runtime announces them. */
const workers: Worker[] = [];
process.on("worker", (worker: Worker) => workers.push(worker));

const THREADS = 3;
for (let thread = 0; thread < THREADS; thread++)
  for (const when of ["while it computes", "between two calls"])
    test(`thread ${thread} ends ${when}`, { timeout: 60_000 }, async () => {
      workers.length = 0;
      const model = await load(SMALL, { threads: THREADS });
      assert.equal(workers.length, THREADS);
      const session = model.createSession();
      await session.feed([1]);
      const feeding = when === "while it computes" ? session.feed(randomTokens(20_000, SMALL_IDS)) : undefined;
      feeding?.catch(() => {});
      await workers[thread]!.terminate();
      const failed = { name: "WkvError", code: "engine" };
      if (feeding) await assert.rejects(feeding, failed);
      await assert.rejects(model.createSession().feed(randomTokens(300, SMALL_IDS)), failed);
      await model.dispose();
    });
