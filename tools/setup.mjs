// Makes a fresh clone ready: installs the packages, builds what is missing or older than its sources. Plain JavaScript,
// because it runs before anything is installed. `--force` builds everything.
import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { changed } from "./changed.mjs";
import { install } from "./install.mjs";
import { root, step } from "./step.mjs";

const SOURCES = ["assembly", "host", "tools", "asconfig.json", "package.json", "tsconfig.json", "tsconfig.build.json"];

const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 20) {
  console.error(`wkv: Node ${process.version} is too old: install Node 20 or newer.`);
  process.exit(1);
}
for (const folder of [".", "tools/api"]) {
  const modules = join(root, folder, "node_modules");
  const installed = join(modules, ".package-lock.json");
  // A linked node_modules belongs to another checkout, and `npm ci` would empty it.
  const linked = existsSync(modules) && lstatSync(modules).isSymbolicLink();
  const lock = join(root, folder, "package-lock.json");
  if (!linked && (!existsSync(installed) || changed(lock) > changed(installed))) install(folder);
}
const built = changed(join(root, "build", "built"));
const newest = Math.max(...SOURCES.map((source) => changed(join(root, source))));
if (process.argv.includes("--force") || built < newest) {
  step("building", process.execPath, ["--import", "tsx", "tools/build.ts", ...process.argv.slice(2)]);
}
