/** Memory that cannot grow ends the session that asked for it and nothing else, where it is shared and where not. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { missing } from "../support/missing.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { makeConsumer } from "./consumer.ts";
import { makeData } from "./data.ts";
import { HOW_TO_GET, RUNTIMES } from "./runtimes.ts";
import { serve } from "./server.ts";

/** V8 lets no memory grow beyond this: room for the model and some sessions, in pages of 64 KiB. */
const LIMIT = "--wasm-max-mem-pages=1000";
const FLAGS: Readonly<Record<string, string>> = {
  "Node 20": LIMIT,
  "Node 24": LIMIT,
  Deno: `--v8-flags=${LIMIT}`,
  workerd: LIMIT,
  Chromium: `--js-flags=${LIMIT}`,
  "Chromium, without the headers": `--js-flags=${LIMIT}`,
};

const data = join(tempFolder("data"), "data");
makeData(data);
const { folder } = makeConsumer();

for (const { name, version, isolated, run } of RUNTIMES.filter((runtime) => runtime.name in FLAGS))
  test(name, { skip: missing(version, HOW_TO_GET) }, async (t) => {
    const server = await serve({ "/data": data, "/": folder }, isolated);
    try {
      const options = { threads: 2 };
      const report = (await run({ folder, server }, "full", options, [FLAGS[name] as string])) as {
        error?: string;
        room: [number, number];
        codes: string[];
        sound: boolean[];
      };
      assert.equal(report.error, undefined);
      const {
        room: [sessions, again],
        codes,
        sound,
      } = report;
      t.diagnostic(`room for ${sessions} sessions; the others were told ${codes.join(", ")}`);
      assert.ok(sessions > 2 && sessions < 200, `${sessions} sessions`);
      assert.equal(again, sessions);
      assert.deepEqual(codes, Array(isolated ? 2 : 6).fill("too-large"));
      assert.deepEqual(sound, Array(sessions).fill(true));
    } finally {
      server.close();
    }
  });
