/** The recipes of examples/ that need more than wkv: a server, a bundle, a browser's extension, a worker around the model. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { missing } from "../support/missing.ts";
import { openChromium, openFirefox } from "./browsers.ts";
import { copyExample, makeConsumer, ROOT } from "./consumer.ts";
import { invoke } from "./lambda.ts";
import { freePort, output, retry, startGroup } from "./place.ts";
import { chromium, esbuild, firefox, HOW_TO_GET, lambda } from "./runtimes.ts";
import { serve } from "./server.ts";

const { folder } = makeConsumer();
after(() => rmSync(folder, { recursive: true }));
const content = "The key is in the well. Rosa is a miller.\nWhere is the key?";

test("hono: an answer as server-sent events", async () => {
  for (const name of ["hono", "@hono/node-server"])
    cpSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name), { recursive: true });
  const copy = copyExample(folder, "hono");
  const port = await freePort();
  const server = startGroup(process.execPath, ["server.mjs"], copy, { PORT: String(port) });
  try {
    const body = JSON.stringify({ messages: [{ role: "user", content }] });
    const ask = () => fetch(`http://127.0.0.1:${port}/chat`, { method: "POST", body });
    const response = await retry(ask, server.said);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    const events = (await response.text()).trim().split("\n\n");
    assert.equal(events.pop(), "data: [DONE]");
    assert.match(events.map((event) => JSON.parse(event.slice("data: ".length)).text).join(""), /in the well/);
  } finally {
    await server.end();
  }
});

test("Lambda: a handler that esbuild put into one file", { skip: missing(lambda && esbuild, HOW_TO_GET) }, async () => {
  const copy = copyExample(folder, "lambda");
  const alone = mkdtempSync(join(tmpdir(), "wkv-lambda-"));
  try {
    const args = [
      "bundled.mjs",
      "--bundle",
      "--platform=node",
      "--format=esm",
      `--outfile=${join(alone, "handler.mjs")}`,
    ];
    await output(esbuild as string, args, copy);
    cpSync(join(ROOT, "models/box/box.gguf"), join(alone, "box.gguf"));
    const answers = await invoke(process.execPath, lambda as string, alone, [{ body: content }]);
    assert.match(answers[0]?.pieces.join("") ?? "", /in the well/);
  } finally {
    rmSync(alone, { recursive: true });
  }
});

test("a browser extension", { skip: missing(chromium, HOW_TO_GET) }, async () => {
  const copy = copyExample(folder, "extension");
  rmSync(join(copy, "node_modules"));
  mkdirSync(join(copy, "wkv"));
  for (const part of ["build", "models"])
    cpSync(join(folder, "node_modules/wkv", part), join(copy, "wkv", part), { recursive: true });
  const profile = mkdtempSync(join(tmpdir(), "wkv-profile-"));
  const { chromium: playwright } = createRequire(import.meta.url)("playwright-core");
  const context = await playwright.launchPersistentContext(profile, {
    executablePath: chromium,
    headless: false,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      `--disable-extensions-except=${copy}`,
      `--load-extension=${copy}`,
    ],
  });
  try {
    const page = await context.newPage();
    await page.goto("chrome://extensions");
    const id = await retry(async () => {
      const found = await page.evaluate(
        "chrome.management.getAll().then((all) => all.find(({ name }) => /model/.test(name))?.id)",
      );
      assert.ok(found, "the extension is not there");
      return found as string;
    });
    await page.goto(`chrome-extension://${id}/popup.html`);
    await retry(async () => assert.match(await page.title(), /^\d+ threads$/));
    assert.match(await page.evaluate("document.querySelector('#answer').textContent"), /in the well/);
    assert.notEqual(await page.title(), "1 threads", "threads share memory");
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
});

for (const [name, program, open] of [
  ["Chromium", chromium, openChromium],
  ["Firefox", firefox, openFirefox],
] as const)
  test(`a model in a Web Worker of the page's, in ${name}`, { skip: missing(program, HOW_TO_GET) }, async () => {
    const server = await serve({ "/": copyExample(folder, "worker") }, true);
    const page = await open(program as string);
    try {
      await page.goto(`${server.base}/index.html`);
      const answer = () => page.evaluate<string>("document.querySelector('#answer').textContent");
      await retry(async () => assert.match(await page.evaluate<string>("document.title"), /^\d+ threads$/));
      assert.match(await answer(), /^in the well/);
      assert.notEqual(await page.evaluate("document.title"), "1 threads", "threads share memory");
    } finally {
      await page.close();
      server.close();
    }
  });
