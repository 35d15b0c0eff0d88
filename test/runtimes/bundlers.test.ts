/** What docs/runtimes.md says of bundlers, as it is written there, with wkv as it is installed. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { missing } from "../support/missing.ts";
import { openChromium } from "./browsers.ts";
import { makeConsumer, ROOT } from "./consumer.ts";
import { freePort, output, retry, startGroup } from "./place.ts";
import { chromium, esbuild, HOW_TO_GET, vite7 } from "./runtimes.ts";
import { serve } from "./server.ts";

const docs = readFileSync(join(ROOT, "docs/runtimes.md"), "utf8");
const { folder } = makeConsumer();
cpSync(join(ROOT, "examples/node.mjs"), join(folder, "node.mjs"));
cpSync(join(folder, "bundle.js"), join(folder, "main.js"));
const story = (await output(process.execPath, ["node.mjs"], folder)).slice("Once upon a time".length);

function written(what: RegExp): string {
  const found = what.exec(docs)?.[1];
  assert.ok(found, `docs/runtimes.md has no ${what}`);
  return found;
}

function writePage(script: string): void {
  writeFileSync(join(folder, "index.html"), `<!doctype html><body><script type="module" src="${script}"></script>`);
}

async function assertTold(url: string): Promise<void> {
  const page = await openChromium(chromium as string);
  try {
    await page.goto(url);
    await retry(async () => assert.equal(await page.evaluate("document.title"), "told"));
    assert.equal(await page.evaluate("document.body.textContent"), story);
  } finally {
    await page.close();
  }
}

test("esbuild", { skip: missing(esbuild && chromium, HOW_TO_GET) }, async () => {
  mkdirSync(join(folder, "node_modules/.bin"));
  symlinkSync(esbuild as string, join(folder, "node_modules/.bin/esbuild")); // as npm installs it
  await output("sh", ["-ec", written(/esbuild\*\*.*?\n```console\n(.*?)```/s)], folder);
  writePage("dist/main.js");
  const server = await serve({ "/": folder }, true);
  try {
    await assertTold(`${server.base}/index.html`);
  } finally {
    server.close();
  }
});

for (const format of ["esm", "cjs"])
  test(`esbuild for Node, ${format}`, { skip: missing(esbuild, HOW_TO_GET) }, async () => {
    const place = mkdtempSync(join(folder, `${format}-`));
    symlinkSync(join(folder, "node_modules"), join(place, "node_modules"), "junction");
    const model = join(ROOT, "models/fairy/fairy.safetensors");
    const program = `import { loadModel } from "wkv";
      (async () => {
        await using model = await loadModel(${JSON.stringify(model)}, { threads: 2 });
        const { text } = await model.createSession().complete("Once upon a time", { maxTokens: 100, seed: 7 });
        process.stdout.write(text);
      })();`;
    writeFileSync(join(place, "main.js"), program);
    const lines = written(/one file\n.*?\n```console\n(.*?)```/s)
      .replace("npx esbuild", JSON.stringify(esbuild))
      .replace("--format=esm", `--format=${format}`);
    await output("sh", ["-ec", format === "cjs" ? lines.replace("main.mjs", "main.cjs") : lines], place);
    assert.equal(await output(process.execPath, [`dist/main.${format === "cjs" ? "cjs" : "mjs"}`], place), story);
  });

test("Vite 7, while developing", { skip: missing(vite7 && chromium, HOW_TO_GET) }, async () => {
  writePage("main.js");
  writeFileSync(join(folder, "vite.config.mjs"), `export default { ${written(/Vite 7 and older needs\s`(.*?)`/)} };`);
  const port = await freePort();
  const args = [vite7 as string, "--host", "127.0.0.1", "--port", String(port), "--strictPort"];
  const server = startGroup(process.execPath, args, folder);
  try {
    await retry(() => fetch(`http://127.0.0.1:${port}/`), server.said);
    await assertTold(`http://127.0.0.1:${port}/`);
  } finally {
    await server.end();
  }
});
