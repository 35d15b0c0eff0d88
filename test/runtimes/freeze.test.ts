/** A page never waits for the model: no task of its main thread is long while a model of the 0.1B shape loads and works. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { syntheticModel } from "../../host/cli/synthetic.ts";
import { makeConsumer } from "./consumer.ts";
import { SMALLEST_PUBLISHED } from "./data.ts";
import { HOW_TO_GET, RUNTIMES } from "./runtimes.ts";
import { serve } from "./server.ts";

const { folder } = makeConsumer();
const data = mkdtempSync(join(tmpdir(), "wkv-data-"));
writeFileSync(join(data, "model.safetensors"), syntheticModel(SMALLEST_PUBLISHED));
after(() => {
  for (const path of [folder, data]) rmSync(path, { recursive: true });
});

// Chromium alone counts long tasks.
for (const { name, version, isolated, run } of RUNTIMES.filter((runtime) => runtime.name.startsWith("Chromium")))
  test(name, { skip: !version && HOW_TO_GET }, async (t) => {
    const server = await serve({ "/data": data, "/": folder }, isolated);
    try {
      const options = { file: "model.safetensors", threads: 2 };
      const { prefill, longTasks } = (await run({ folder, server }, options)) as {
        prefill: number;
        longTasks: number[];
      };
      t.diagnostic(
        `two batches in ${prefill.toFixed(0)} ms; tasks of more than 50 ms: ${longTasks.join(", ") || "none"}`,
      );
      // On the main thread a batch would be one task. A busy machine stretches the page's own tasks too.
      assert.ok(Math.max(0, ...longTasks) < prefill / 4, `a task took ${Math.max(...longTasks)} ms`);
    } finally {
      server.close();
    }
  });
