/** A model of RWKV-7's 0.1B shape in workerd: its weights out of R2, its embedding left there, in 128 MB with all else. */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PUBLISHED, type PublishedShape } from "../../host/inspect/published.ts";
import { TokenTableBuilder } from "../../host/tokenizer/table.ts";
import { worldTokenizer } from "../../host/tokenizer/world.ts";
import { missing } from "../support/missing.ts";
import { writeQ4 } from "../support/q4-gguf.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { copyExample, makeConsumer, ROOT } from "./consumer.ts";
import { type HeapUsage, inspect } from "./isolate.ts";
import { HOW_TO_GET, nodes, wrangler } from "./runtimes.ts";
import { serve } from "./server.ts";
import { wranglerDev } from "./workerd.ts";

/** Cloudflare gives an isolate as many bytes. */
const LIMIT = 128e6;
const SHAPE = PUBLISHED.find(({ name }) => name === "RWKV-7 0.1B") as PublishedShape;

test("0.1B of Q4_0 in an isolate", { skip: missing(wrangler, HOW_TO_GET) }, async (t) => {
  const { wasm, most, last, text } = await run(true);
  t.diagnostic(`WebAssembly ${mb(wasm)}; heap and buffers at most ${mb(most)}, in the end ${mb(last)}`);
  assert.ok(text.length > 100, text);
  assert.ok(wasm > 80e6 && most > 5e6, "what was measured");
  assert.ok(wasm + most < LIMIT, `${mb(wasm + most)} at most`);
});

const slow = process.env.CI !== "true" && "slow: with CI=true";
test("0.1B of wkv convert --weights int4, whose head is Q8_0", {
  skip: slow || missing(wrangler, HOW_TO_GET),
}, async (t) => {
  const { wasm, most, last, text } = await run(false);
  t.diagnostic(`WebAssembly ${mb(wasm)}; heap and buffers at most ${mb(most)}, in the end ${mb(last)}`);
  assert.ok(text.length > 100, text);
  assert.ok(wasm < 118e6, mb(wasm));
});

/** Loads and writes a text, watched all the time. */
async function run(isPure: boolean) {
  const data = tempFolder("isolate");
  await writeQ4(join(data, "model.gguf"), SHAPE, { tokenizer: await manyTokens(), isPure });
  const server = await serve({ "/data": data }, false);
  const folder = copyExample(makeConsumer().folder, "cloudflare-r2");
  cpSync(join(folder, "worker.js"), join(folder, "example.js"));
  cpSync(join(ROOT, "test/runtimes/isolate/worker.js"), join(folder, "worker.js"));
  const node = (nodes.get(24) ?? nodes.get(22)) as string;
  const { base, inspectorPort, group } = await wranglerDev(node, wrangler as string, folder);
  try {
    await fetch(base, { method: "PUT", body: `${server.base}/data/model.gguf` });
    const { heap, close } = await inspect(inspectorPort);
    const heaps: HeapUsage[] = [];
    let isWriting = true;
    const answer = fetch(base, { method: "POST", body: "Once upon a time" })
      .then((response) => response.text())
      .finally(() => {
        isWriting = false;
      });
    while (isWriting) heaps.push(await heap());
    const text = await answer;
    heaps.push(await heap());
    close();
    const sums = heaps.map((heap) => heap.totalSize + heap.embedderHeapUsedSize + heap.backingStorageSize);
    const wasm = Number(await (await fetch(base)).text());
    return { wasm, most: Math.max(...sums), last: sums.at(-1) as number, text };
  } finally {
    await group.end();
    server.close();
    rmSync(data, { recursive: true });
  }
}

/** As many tokens as the World vocabulary has, and about as long ones. */
function manyTokens() {
  const table = new TokenTableBuilder("many tokens");
  for (let byte = 0; byte < 256; byte++) table.add(byte + 1, Uint8Array.of(byte));
  for (let id = 257; id < 65530; id++) table.add(id, new TextEncoder().encode(` ${id.toString(5)}`));
  return worldTokenizer(table.build(), "many tokens");
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
