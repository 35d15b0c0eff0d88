/** Declarations: strict programs compile against the packed package, with and without the web's classes. */
import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeConsumer, ROOT } from "./consumer.ts";
import { output } from "./place.ts";

const TSC = join(ROOT, "node_modules/typescript/bin/tsc");
/** What wkv/ai-sdk and wkv/langchain are used with. */
const PEERS = ["@ai-sdk", "@langchain"];

const { folder } = makeConsumer();
after(() => rmSync(folder, { recursive: true }));
cpSync(fileURLToPath(new URL("strict", import.meta.url)), folder, { recursive: true });
for (const name of PEERS) symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name), "junction");

for (const [module, moduleResolution] of [
  ["node16", "node16"],
  ["esnext", "bundler"],
]) {
  test(`without DOM, Node types and esnext.disposable, ${moduleResolution}`, () =>
    compile("core.ts", { module, moduleResolution, lib: ["es2023"], skipLibCheck: false }));

  // The peers' own declarations do not pass a strict check.
  test(`with DOM and the peers, ${moduleResolution}`, () =>
    compile("web.ts", { module, moduleResolution, lib: ["es2023", "dom", "dom.asynciterable"], skipLibCheck: true }));
}

test("npm run docs:api makes the API reference", async () => {
  await output("npm", ["run", "docs:api"], ROOT);
  assert.match(readFileSync(join(ROOT, "build/api/index.html"), "utf8"), /wkv/);
});

async function compile(file: string, options: Record<string, unknown>): Promise<void> {
  const config = join(folder, "tsconfig.json");
  const compilerOptions = {
    ...options,
    target: "es2022",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    types: [],
  };
  writeFileSync(config, JSON.stringify({ compilerOptions, files: [file] }));
  await output(process.execPath, [TSC, "-p", config], folder);
}
