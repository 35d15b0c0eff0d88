/** The tarball: what is in it, how much of it a page loads, what the tools that check packages say. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { missing } from "../support/missing.ts";
import { makeConsumer, ROOT } from "./consumer.ts";
import { output } from "./place.ts";
import { attw, HOW_TO_GET, publint } from "./runtimes.ts";

/** Bytes, gzipped: of what a page loads, of the package but for its model, and of the tarball. */
const MOST = 120_000;
const PACKAGE_MOST = 1_400_000;
const TARBALL_MOST = 6_200_000;
const { folder, tarball } = makeConsumer();
const build = join(folder, "node_modules/wkv/build");

const read = (file: string) => readFileSync(join(build, file));

/** The files that a program of the package imports, itself included. */
function graph(entry: string, dynamic: boolean, found = new Set<string>()): Set<string> {
  if (found.has(entry)) return found;
  found.add(entry);
  const imports = dynamic ? /(?:from|import|import\()\s*"\.\/([^"]+\.js)"/g : /(?:from|import)\s*"\.\/([^"]+\.js)"/g;
  for (const [, file] of read(entry).toString().matchAll(imports)) graph(file as string, dynamic, found);
  return found;
}

test("what a page loads is small, and as docs/runtimes.md says", (t) => {
  const written =
    Number(/about (\d+) KB gzipped/.exec(readFileSync(join(ROOT, "docs/runtimes.md"), "utf8"))?.[1]) * 1000;
  for (const simd of ["wkv.wasm", "wkv.relaxed.wasm"]) {
    const files = [...graph("browser.js", false), "browser-worker.js", simd];
    const bytes = files.reduce((sum, file) => sum + gzipSync(read(file), { level: 9 }).length, 0);
    t.diagnostic(`${files.join(", ")}: ${bytes} bytes gzipped`);
    assert.ok(bytes <= MOST, `${bytes} bytes`);
    assert.ok(Math.abs(bytes - written) < bytes / 10, `docs/runtimes.md says ${written} bytes, and there are ${bytes}`);
    assert.ok(
      !files.some((file) => file.startsWith("neox-")),
      "what reads a tokenizer.json is loaded only when needed",
    );
  }
});

test("the package is small, also with its model", (t) => {
  const { length } = execFileSync("tar", ["-cz", "--exclude=./models", "-C", join(build, ".."), "."], {
    maxBuffer: 10 * PACKAGE_MOST,
  });
  const { size } = statSync(tarball);
  t.diagnostic(`${length} bytes, and ${size} with the model`);
  assert.ok(length <= PACKAGE_MOST, `${length} bytes`);
  assert.ok(size <= TARBALL_MOST, `${size} bytes with the model`);
  const files = readdirSync(join(build, ".."), { recursive: true, encoding: "utf8" });
  assert.deepEqual(
    files.filter((file) => /\.map$|\.test\./.test(file)),
    [],
    "for the package's developers only",
  );
});

test("the worker is one file, as docs/runtimes.md has it copied", () => {
  assert.deepEqual([...graph("browser-worker.js", true)], ["browser-worker.js"]);
});

test("pages and workerd get nothing of Node's, and nothing that a strict policy forbids", () => {
  for (const entry of ["browser.js", "browser-tokenizer.js", "browser-worker.js", "workerd.js", "workerd-tokenizer.js"])
    for (const file of graph(entry, true)) {
      const code = read(file).toString();
      assert.doesNotMatch(code, /(?:from|import|import\()\s*"node:/, file);
      assert.doesNotMatch(code, /\beval\(|new Function\(/, file);
      // Once: for a page that loads wkv from another site (test/runtimes/cdn.test.ts).
      const blobs = code.match(/createObjectURL/g)?.length ?? 0;
      assert.ok(blobs === 0 || (blobs === 1 && code.includes("location.origin")), file);
    }
});

test("publint", { skip: missing(publint, HOW_TO_GET) }, async () => {
  await output(process.execPath, [publint as string, tarball, "--strict"], folder);
});

test("are the types wrong?", { skip: missing(attw, HOW_TO_GET) }, async () => {
  await output(process.execPath, [attw as string, tarball, "--profile", "esm-only"], folder);
});

test("npx wkv answers in an empty folder; the time is printed", async (t) => {
  // Inside `npm run` the name npx may mean an old one that a dependency brought along.
  const npm = process.env.npm_execpath;
  const [npx, ...args] = npm ? [process.execPath, join(dirname(npm), "npx-cli.js")] : ["npx"];
  const empty = mkdtempSync(join(folder, "empty-"));
  const bin = join(folder, "node_modules/.bin");
  mkdirSync(bin, { recursive: true });
  symlinkSync("../wkv/build/cli.js", join(bin, "wkv")); // as npm does it
  chmodSync(join(build, "cli.js"), 0o755);
  const prompt = "User: The key is in the well. Rosa is a miller.\\nWhere is the key?\\n\\nAssistant:";
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    const said = await output(
      npx,
      [...args, "--no", "wkv", "run", "box", "-e", prompt, "--temperature", "0", "--stop", "\\n\\n"],
      empty,
    );
    times.push(performance.now() - start);
    assert.match(said, /in the well/);
  }
  t.diagnostic(`${times.map((ms) => (ms / 1000).toFixed(2)).join(", ")} s`);
});
