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

/** Cloudflare gives an isolate as many bytes: 128 MiB. */
const LIMIT = 128 * 2 ** 20;
const SHAPE = PUBLISHED.find(({ name }) => name === "RWKV-7 0.1B") as PublishedShape;

for (const [what, isPure] of [
  ["Q4_0", true],
  ["int4 of wkv convert, with its head in Q8_0", false],
] as const)
  test(`0.1B in an isolate, ${what}`, { skip: missing(wrangler, HOW_TO_GET) }, async (t) => {
    const { wasm, heaps, text } = await run(isPure);
    const sums = heaps.map((heap) => heap.totalSize + heap.embedderHeapUsedSize + heap.backingStorageSize);
    const [most, last] = [Math.max(...sums), sums.at(-1) as number];
    t.diagnostic(`WebAssembly ${mb(wasm)}; heap and buffers at most ${mb(most)}, in the end ${mb(last)}`);
    assert.ok(text.length > 100, text);
    assert.ok(wasm > 80e6 && most > 5e6 && heaps.length > 10, "what was measured");
    assert.ok(wasm + last < LIMIT, `${mb(wasm + last)} in the end`);
    if (isPure) assert.ok(wasm + most < LIMIT, `${mb(wasm + most)} at most`);
  });

/** Loads and writes a text, watched all the time. */
async function run(isPure: boolean): Promise<{ wasm: number; heaps: HeapUsage[]; text: string }> {
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
    return { wasm: Number(await (await fetch(base)).text()), heaps, text };
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
