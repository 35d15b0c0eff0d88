// npm run mutants -- [TEXT]: puts small bugs into a copy of the project, one at a time (those of test/mutants.ts whose file or reason
// contains TEXT), builds it and runs the tests that should notice. A bug that none of them notices is printed, and fails the run.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Mutant, mutants } from "../test/mutants.ts";

const LEFT_OUT = new Set(["node_modules", ".git", "build"]);

const wanted = process.argv[2] ?? "";
const chosen = mutants.filter(({ file, bug }) => `${file} ${bug}`.includes(wanted));
const outside = mkdtempSync(join(tmpdir(), "wkv-mutants-"));
const copy = join(outside, "wkv");
cpSync(".", copy, { recursive: true, filter: (path) => !LEFT_OUT.has(path.split(/[\\/]/)[0] as string) });
for (const [target, name] of [
  ["node_modules", "wkv/node_modules"],
  ["../shared", "shared"],
] as const)
  symlinkSync(resolve(target), join(outside, name), "junction");

const survivors = chosen.filter((mutant) => !isKilled(mutant));
rmSync(outside, { recursive: true });
console.log(`mutants: ${chosen.length - survivors.length} of ${chosen.length} killed`);
process.exitCode = survivors.length > 0 ? 1 : 0;

function isKilled({ file, find, replace, bug, tests }: Mutant): boolean {
  const path = join(copy, file);
  const original = readFileSync(path, "utf8");
  if (original.split(find).length !== 2) throw new Error(`${file} does not hold this text just once: ${find}`);
  writeFileSync(
    path,
    original.replace(find, () => replace),
  );
  const built = run(["tools/setup.mjs"]);
  const killed = !built || !run(["--import", "tsx", "--test", ...tests]);
  writeFileSync(path, original);
  console.log(`${killed ? "killed" : "SURVIVED"}: ${file}: ${bug}`);
  return killed;
}

function run(args: string[]): boolean {
  return spawnSync(process.execPath, args, { cwd: copy, stdio: "ignore", timeout: 300_000 }).status === 0;
}
