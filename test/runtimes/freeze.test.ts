/** Nothing waits for the model: pages and programs go on while a model of the 0.1B shape loads, reads and writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { missing } from "../support/missing.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { makeConsumer } from "./consumer.ts";
import { type Turns, writePublished } from "./data.ts";
import { HOW_TO_GET, RUNTIMES } from "./runtimes.ts";
import { serve } from "./server.ts";

const { folder } = makeConsumer();
const data = tempFolder("data");
writePublished(data);

// In workerd the caller's own thread computes.
for (const { name, version, isolated, run } of RUNTIMES.filter((runtime) => runtime.name !== "workerd"))
  test(name, { skip: missing(version, HOW_TO_GET) }, async (t) => {
    const server = await serve({ "/data": data, "/": folder }, isolated);
    try {
      const turns = (await run({ folder, server }, "turns", { threads: 2 })) as Turns;
      const { prefill, timers, late, latest, longTasks } = turns;
      t.diagnostic(
        `four batches in ${prefill.toFixed(0)} ms; ${timers} timers were late by up to ${late.toFixed(1)} ms ` +
          `(99th percentile; the worst ${latest.toFixed(1)} ms)`,
      );
      if (longTasks) t.diagnostic(`the page's tasks of more than 50 ms: ${longTasks.join(", ") || "none"}`);
      // On the caller's thread every batch would be a task. A busy machine stretches both.
      for (const wait of [late, ...(longTasks ?? [])])
        assert.ok(wait < prefill / 8, `the program waited for ${wait} ms`);
    } finally {
      server.close();
    }
  });
