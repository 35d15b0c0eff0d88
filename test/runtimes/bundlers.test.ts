/** What docs/runtimes.md says of bundlers, as it is written there, with wkv as it is installed. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, test } from "node:test";
import { missing } from "../support/missing.ts";
import { openChromium } from "./browsers.ts";
import { makeConsumer, ROOT } from "./consumer.ts";
import { freePort, output, retry, startGroup } from "./place.ts";
import { bun, chromium, deno, esbuild, HOW_TO_GET, rollup, vite7, webpack } from "./runtimes.ts";
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

/** Links the programs of bundlers as npm installs them. */
mkdirSync(join(folder, "node_modules/.bin"));
for (const [name, program] of Object.entries({ esbuild, rollup, webpack, bun, deno }))
  if (program) symlinkSync(program, join(folder, "node_modules/.bin", name));
// Of the test's own packages those that docs/runtimes.md has installed.
for (const name of ["webpack", "webpack-cli", "rollup", "@rollup"])
  if (webpack) symlinkSync(join(ROOT, "test/runtimes/node_modules", name), join(folder, "node_modules", name));
cpSync(join(folder, "inline.js"), join(folder, "server.js"));
const lonely = mkdtempSync(join(tmpdir(), "wkv-bundled-"));
after(() => rmSync(lonely, { recursive: true }));

/** Builds as docs/runtimes.md says, and runs the result where there is nothing else. */
async function assertBundled(line: string, built: string, run: (program: string) => [string, string[]]): Promise<void> {
  await output("sh", ["-ec", `PATH="$PWD/node_modules/.bin:$PATH"; ${line}`], folder);
  const alone = mkdtempSync(join(lonely, "run-"));
  cpSync(join(folder, dirname(built)), alone, { recursive: true });
  const [command, args] = run(join(alone, basename(built)));
  const model = join(ROOT, "models/box/box.gguf");
  const said = JSON.parse(await output(command, args, alone, { MODEL: model }));
  assert.match(said.text, /well/);
  assert.equal(said.threads, 2);
}

const node = (program: string): [string, string[]] => [process.execPath, [program]];
const SERVER_BUNDLES = [
  ["esbuild, ES module", esbuild, /^(esbuild server.*?format=esm.*)$/m, "esm/server.mjs", node],
  ["esbuild, CommonJS", esbuild, /^(esbuild server.*?format=cjs.*)$/m, "cjs/server.cjs", node],
  ["webpack", webpack, /^(webpack .*)$/m, "webpack/server.cjs", node],
  ["Rollup", rollup, /^(rollup .*)$/m, "rollup/server.js", node],
  [
    "bun build --compile",
    bun,
    /^(bun build .*)$/m,
    "bun/server",
    (program: string): [string, string[]] => [program, []],
  ],
  [
    "esbuild, for Deno",
    esbuild && deno,
    /^(esbuild server.*?format=esm.*)$/m,
    "esm/server.mjs",
    (program: string) => [deno, ["run", "-A", program]],
  ],
] as const;
for (const [name, program, line, built, run] of SERVER_BUNDLES)
  test(`a server in one file: ${name}`, { skip: missing(program, HOW_TO_GET) }, () =>
    assertBundled(written(line), built, run as (program: string) => [string, string[]]),
  );

// Deno puts the program after denort, a runtime that no package registry has. Here it comes after Deno itself, which does
// not run it.
test("deno compile: the program is complete", { skip: missing(deno, HOW_TO_GET) }, async () => {
  const [command, ...args] = written(/^(deno compile .*)$/m).split(" ");
  assert.equal(command, "deno");
  const place = makeConsumer().folder; // Deno takes all of node_modules
  cpSync(join(folder, "server.js"), join(place, "server.js"));
  try {
    await output(deno as string, args, place, { DENORT_BIN: deno as string });
    const added = readFileSync(join(place, "server")).subarray(statSync(deno as string).size);
    for (const part of ["server.js", "node_modules/wkv/build/inline.js"])
      assert.ok(added.includes(readFileSync(join(place, part))), part);
  } finally {
    rmSync(place, { recursive: true });
  }
});

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
    const model = join(ROOT, "models/box/box.gguf");
    const program = `import { loadModel } from "wkv";
      (async () => {
        const model = await loadModel(${JSON.stringify(model)}, { threads: 2 });
        const options = { maxTokens: 100, seed: 7 };
        for await (const { text } of model.createSession().generate("Once upon a time", options)) process.stdout.write(text);
        await model.dispose();
      })();`;
    writeFileSync(join(place, "main.js"), program);
    const lines = written(/three files of wkv beside.*?\n```console\n(.*?)```/s)
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
