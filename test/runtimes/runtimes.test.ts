/** The same bits in every runtime, plain and relaxed, on one thread and on several, for wkv as it is installed. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { missing } from "../support/missing.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { makeConsumer } from "./consumer.ts";
import { makeData } from "./data.ts";
import { HOW_TO_GET, RUNTIMES } from "./runtimes.ts";
import { type Server, serve } from "./server.ts";

/** What `probe` gives for one configuration. */
interface Run {
  error?: string;
  threads: number;
  singleThreadReason?: string;
  simd: string;
  hashes: Record<string, string>;
}
type Probe = Record<"plain" | "threaded" | "relaxed" | "relaxed threaded", Run> & { error?: string };

const data = join(tempFolder("data"), "data");
const { folder } = makeConsumer();
const servers: Server[] = [];
let expected: Record<string, string>;

before(async () => {
  makeData(data);
  for (const isolated of [false, true]) servers.push(await serve({ "/data": data, "/": folder }, isolated));
  const here = RUNTIMES.find(({ name }) => name === `Node ${process.versions.node.split(".")[0]}`);
  const probe = (await here?.run({ folder, server: servers[1] as Server }, "probe")) as Probe;
  expected = probe.plain.hashes;
  assert.ok(Object.keys(expected).length === 18, JSON.stringify(probe.plain));
});
after(() => {
  for (const server of servers) server.close();
});

for (const { name, version, isolated, run } of RUNTIMES)
  test(name, { skip: missing(version, `${name} is not here: ${HOW_TO_GET}`) }, async (t) => {
    t.diagnostic(`${name}: version ${version}`);
    const probe = (await run({ folder, server: servers[Number(isolated)] as Server }, "probe")) as Probe;
    assert.equal(probe.error, undefined);
    for (const configuration of ["plain", "threaded"] as const)
      assert.deepEqual(probe[configuration].hashes, expected, `${configuration}: ${probe[configuration].error}`);
    for (const configuration of ["relaxed", "relaxed threaded"] as const)
      if (!/has no relaxed SIMD/.test(probe[configuration].error ?? ""))
        assert.deepEqual(probe[configuration].hashes, expected, `${configuration}: ${probe[configuration].error}`);
    const { threads, singleThreadReason } = probe.threaded;
    assert.ok(threads === 3 || singleThreadReason, `${threads} threads, and no reason`);
    t.diagnostic(`${threads} threads${singleThreadReason ? `: ${singleThreadReason}` : ""}`);
    t.diagnostic(`relaxed: ${probe.relaxed.error ?? "the same bits"}`);
  });
