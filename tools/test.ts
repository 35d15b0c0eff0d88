// `npm test`: types, style, kernel specs, then the tests of host and goldens. Goes through all steps even if one fails.
import { readdirSync } from "node:fs";
import { run, runTool } from "./run.ts";

const KERNEL_SOURCES = ["assembly/**/*.ts", "test/kernels/*.ts"];

const STEPS: [name: string, work: () => Promise<void>][] = [
  ["types", () => runTool("tsc", ["-p", "."])],
  ["lint and format", () => runTool("biome", ["check", "."])],
  ["format of the kernels", () => runTool("prettier", ["--check", "--log-level", "warn", ...KERNEL_SOURCES])],
  ["kernels", () => runSpecs(process.execPath)],
  ["kernels of the relaxed build", runRelaxedSpecs],
  ["host and goldens", () => runTests(["test/host", "test/claims", "test/golden"])],
  // One after the other: browsers and compilers want the machine for themselves.
  ["package, runtimes, examples", () => runTests(["test/runtimes"], "--test-concurrency=1")],
];

const failed: string[] = [];
for (const [name, work] of STEPS) {
  console.error(`wkv: ${name} ...`);
  await work().catch((error: Error) => {
    console.error(`wkv: ${error.message}`);
    failed.push(name);
  });
}
if (failed.length > 0) {
  console.error(`wkv: npm test failed: ${failed.join(", ")}`);
  process.exitCode = 1;
}

function runSpecs(node: string, ...options: string[]): Promise<void> {
  return run(node, ["node_modules/@as-pect/cli/lib/test.js", "--summary", ...options]);
}

/** Node 20 computes relaxed SIMD wrongly: there a newer one beside it does this. */
async function runRelaxedSpecs(): Promise<void> {
  const { nodes } = await import("../test/runtimes/runtimes.ts");
  const node = Number.parseInt(process.versions.node, 10) >= 22 ? process.execPath : (nodes.get(24) ?? nodes.get(22));
  if (node) await runSpecs(node, "--as-config", "as-pect.relaxed.asconfig.json");
  else console.error("wkv: skipped: relaxed SIMD needs Node 22 or newer; npm run runtimes:install gets them");
}

function runTests(folders: string[], ...options: string[]): Promise<void> {
  const files = folders.flatMap((folder) =>
    (readdirSync(folder, { recursive: true }) as string[])
      .filter((name) => name.endsWith(".test.ts") && !name.includes("node_modules"))
      .map((name) => `${folder}/${name}`),
  );
  return run(process.execPath, ["--import", "tsx", "--test", "--test-reporter=spec", ...options, ...files]);
}
