/** Every example, in the runtime that it is for, with wkv as it is installed: all tell Node's story. */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { missing } from "../support/missing.ts";
import { type OpenPage, openChromium, openFirefox, openWebKit } from "./browsers.ts";
import { copyExample, makeConsumer, ROOT } from "./consumer.ts";
import { invoke } from "./lambda.ts";
import { freePort, output, retry, startGroup } from "./place.ts";
import { bun, chromium, deno, firefox, HOW_TO_GET, lambda, nodes, vite, webkit, wrangler } from "./runtimes.ts";
import { serve } from "./server.ts";
import { NOT_LINUX } from "./usage.ts";
import { measureWorker, wranglerDev } from "./workerd.ts";

const PROMPT = "Once upon a time";
/** Cloudflare gives a Worker as many bytes. */
const WORKER_LIMIT = 128e6;
const { folder } = makeConsumer();
const absent = (program: unknown) => missing(program, `not here: ${HOW_TO_GET}`);

for (const name of ["node.mjs", "deno.ts", "bun.ts"]) cpSync(join(ROOT, "examples", name), join(folder, name));
const story = await output(process.execPath, ["node.mjs", PROMPT], folder);
const continuation = story.slice(PROMPT.length);

test("the story is one", () => {
  assert.ok(story.startsWith(PROMPT) && story.length > 200, story);
});

for (const [major, program] of nodes)
  test(`node.mjs on Node ${major}`, { skip: absent(program) }, async () => {
    assert.equal(await output(program as string, ["node.mjs", PROMPT], folder), story);
  });

const DENO_ARGS = ["run", "--allow-net", "--allow-read", "--allow-env", "--allow-sys", "deno.ts"];
for (const [name, program, args] of [
  ["deno.ts", deno, DENO_ARGS],
  ["bun.ts", bun, ["bun.ts"]],
] as const)
  test(name, { skip: absent(program) }, async () => {
    const port = await freePort();
    const server = startGroup(program as string, args, folder, { PORT: String(port) });
    try {
      assert.equal(await ask(`http://127.0.0.1:${port}`, server.said), continuation);
    } finally {
      await server.end();
    }
  });

test("cloudflare-worker", { skip: absent(wrangler) }, async (t) => {
  const node = (nodes.get(24) ?? nodes.get(22)) as string;
  const { base, group } = await wranglerDev(node, wrangler as string, copyExample(folder, "cloudflare-worker"));
  try {
    // Compressed, as wrangler does it when it may, the answer would come at once.
    const headers = { "accept-encoding": "identity" };
    const response = await fetch(base, { method: "POST", body: PROMPT, headers });
    const pieces: string[] = [];
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) pieces.push(decoder.decode(chunk, { stream: true }));
    t.diagnostic(`came in ${pieces.length} pieces`);
    assert.equal(pieces.join(""), continuation, group.said());
    assert.ok(pieces.length > 10, `the answer came in ${pieces.length} pieces`);
    assert.equal(await ask(base, group.said), continuation, "a second request");
  } finally {
    await group.end();
  }
});

test("cloudflare-worker: memory and time", { skip: NOT_LINUX || absent(wrangler) }, async (t) => {
  const node = (nodes.get(24) ?? nodes.get(22)) as string;
  const dev = await wranglerDev(node, wrangler as string, copyExample(folder, "cloudflare-worker"));
  try {
    const { before, peak, firstSeconds, laterSeconds } = await measureWorker(dev, PROMPT);
    t.diagnostic(
      `workerd has ${mb(before)}, and ${mb(peak)} at most; ${firstSeconds.toFixed(2)} s of CPU time, then ${laterSeconds.toFixed(2)} s`,
    );
    assert.ok(peak > before && peak - before < WORKER_LIMIT, `the Worker takes ${mb(peak - before)}`);
    assert.ok(firstSeconds > 0 && laterSeconds > 0);
  } finally {
    await dev.group.end();
  }
});

test("lambda", { skip: absent(lambda) }, async (t) => {
  const node = (nodes.get(24) ?? nodes.get(22)) as string;
  const events = [{ body: PROMPT }, {}];
  const answers = await invoke(node, lambda as string, copyExample(folder, "lambda"), events);
  for (const { type, pieces } of answers) {
    t.diagnostic(`came in ${pieces.length} pieces`);
    assert.equal(pieces.join(""), continuation);
    assert.ok(pieces.length > 10, `the answer came in ${pieces.length} pieces`);
    assert.equal(type, "text/plain; charset=utf-8");
  }
});

const BROWSERS = [
  ["Chromium", chromium, openChromium],
  ["Firefox", firefox, openFirefox],
  ["WebKitGTK", webkit, openWebKit],
] as const;
for (const [name, program, open] of BROWSERS)
  test(`browser, in ${name}`, { skip: absent(program) }, async () => {
    const copy = copyExample(folder, "browser");
    const port = await freePort();
    const server = startGroup(process.execPath, ["serve.mjs"], copy, { PORT: String(port) });
    try {
      await tellInPage(open, program as string, `http://127.0.0.1:${port}/`);
    } finally {
      await server.end();
      rmSync(copy, { recursive: true });
    }
  });

test("browser, without the two headers", { skip: absent(chromium) }, async () => {
  const copy = copyExample(folder, "browser");
  const server = await serve({ "/": copy }, false);
  try {
    assert.match(
      await tellInPage(openChromium, chromium as string, `${server.base}/index.html`),
      /^1 thread: .*headers/,
    );
  } finally {
    server.close();
    rmSync(copy, { recursive: true });
  }
});

for (const [what, file] of [
  ["the module", "build/wkv."],
  ["the worker", "build/browser-worker.js"],
  ["the model", "models/box/box.gguf"],
] as const)
  test(`browser, when ${what} is missing`, { skip: absent(chromium) }, async () => {
    const copy = copyExample(folder, "browser");
    rmSync(join(copy, "node_modules"));
    cpSync(join(folder, "node_modules/wkv"), join(copy, "node_modules/wkv"), { recursive: true });
    // Of the modules the page loads the one that is faster there.
    const missing = file === "build/wkv." ? ["build/wkv.wasm", "build/wkv.relaxed.wasm"] : [file];
    for (const each of missing) rmSync(join(copy, "node_modules/wkv", each));
    const server = await serve({ "/": copy }, true);
    const page = await openChromium(chromium as string);
    try {
      await page.goto(`${server.base}/index.html`);
      const info = () => page.evaluate<string>(`document.getElementById("info").textContent`);
      await retry(async () => assert.ok((await info()).includes(file), `${file}: ${await info()}`));
    } finally {
      await page.close();
      server.close();
      rmSync(copy, { recursive: true });
    }
  });

test("vite, built", { skip: absent(vite && chromium) }, async () => {
  const copy = copyExample(folder, "vite");
  await output(process.execPath, [vite as string, "build"], copy);
  const server = await serve({ "/": join(copy, "dist") }, true);
  try {
    assert.match(await tellInPage(openChromium, chromium as string, `${server.base}/index.html`), /threads$/);
  } finally {
    server.close();
    rmSync(copy, { recursive: true });
  }
});

test("vite, while developing", { skip: absent(vite && chromium) }, async () => {
  const copy = copyExample(folder, "vite");
  const port = await freePort();
  const args = [vite as string, "--host", "127.0.0.1", "--port", String(port), "--strictPort"];
  const server = startGroup(process.execPath, args, copy);
  try {
    await retry(() => fetch(`http://127.0.0.1:${port}/`), server.said);
    assert.match(await tellInPage(openChromium, chromium as string, `http://127.0.0.1:${port}/`), /threads$/);
  } finally {
    await server.end();
    rmSync(copy, { recursive: true });
  }
});

/**
 * Clicks through the page of examples/browser: it must tell the story, and tell it again after it was stopped on the way.
 * @returns what it says of its threads
 */
async function tellInPage(open: OpenPage, program: string, url: string): Promise<string> {
  const page = await open(program);
  const contentOf = (id: string) => page.evaluate<string>(`document.getElementById("${id}").textContent`);
  const ready = () =>
    retry(async () => {
      if (await page.evaluate(`document.getElementById("go").disabled`)) throw new Error(await contentOf("info"));
    });
  const tell = async () => {
    await page.evaluate(`document.getElementById("go").click()`);
    await ready();
    return contentOf("text");
  };
  try {
    await retry(() => page.goto(url));
    await ready();
    const info = await contentOf("info");
    assert.equal(await tell(), story);
    await page.evaluate(STOP_EARLY);
    const part = await tell();
    assert.ok(story.startsWith(part) && part.length >= PROMPT.length + 20 && part.length < story.length, part);
    assert.equal(await tell(), story);
    assert.equal(await contentOf("info"), info);
    return info;
  } finally {
    await page.close();
  }
}

/** Clicks on the button when the next text has grown by 20 characters. */
const STOP_EARLY = `(() => {
  const text = document.getElementById("text");
  const observer = new MutationObserver(() => {
    if (text.textContent.length < ${PROMPT.length + 20}) return;
    observer.disconnect();
    document.getElementById("stop").click();
  });
  observer.observe(text, { childList: true });
})()`;

async function ask(url: string, said: () => string): Promise<string> {
  const response = await retry(() => fetch(url, { method: "POST", body: PROMPT }), said);
  return response.text();
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
