// npm run mutants -- [TEXT]: puts small bugs into a copy of the project, one at a time (those of test/mutants.ts whose file or reason
// contains TEXT), builds it and runs the tests that should notice. A bug that none of them notices is printed, and fails the run.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Mutant, mutants } from "../test/mutants.ts";

const LEFT_OUT = new Set(["node_modules", ".git"]);
const LINKED = ["node_modules", "tools/api/node_modules"];

const wanted = process.argv[2] ?? "";
const chosen = mutants.filter(({ file, bug }) => `${file} ${bug}`.includes(wanted));
const outside = mkdtempSync(join(tmpdir(), "wkv-mutants-"));
process.on("exit", () => rmSync(outside, { recursive: true, force: true }));
const copy = join(outside, "wkv");
cpSync(".", copy, {
  recursive: true,
  preserveTimestamps: true, // or the build would be out of date
  filter: (path) => !LEFT_OUT.has(path.split(/[\\/]/).at(-1) as string),
});
for (const folder of LINKED) symlinkSync(resolve(folder), join(copy, folder), "junction");
symlinkSync(resolve("../shared"), join(outside, "shared"), "junction");

checkTests();
const survivors = chosen.filter((mutant) => !isKilled(mutant));
console.log(`mutants: ${chosen.length - survivors.length} of ${chosen.length} killed`);
process.exitCode = survivors.length > 0 ? 1 : 0;

/** @throws Error if a test fails without any bug: it would seem to notice each */
function checkTests(): void {
  build("no bug");
  for (const test of new Set(chosen.flatMap(({ tests }) => tests)))
    if (!passes([test])) throw new Error(`${test} fails without a bug`);
}

function isKilled({ file, find, replace, bug, tests }: Mutant): boolean {
  const path = join(copy, file);
  const original = readFileSync(path, "utf8");
  if (original.split(find).length !== 2) throw new Error(`${file} does not hold this text just once: ${find}`);
  writeFileSync(
    path,
    original.replace(find, () => replace),
  );
  build(bug);
  const killed = !passes(tests);
  writeFileSync(path, original);
  console.log(`${killed ? "killed" : "SURVIVED"}: ${file}: ${bug}`);
  return killed;
}

/** @throws Error if it fails: a bug that does not build says nothing about tests */
function build(bug: string): void {
  if (!run(["tools/setup.mjs"])) throw new Error(`does not build: ${bug}`);
}

function passes(tests: readonly string[]): boolean {
  return run(["--import", "tsx", "--test", ...tests]);
}

function run(args: string[]): boolean {
  return spawnSync(process.execPath, args, { cwd: copy, stdio: "ignore", timeout: 300_000 }).status === 0;
}
