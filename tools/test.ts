// npm test [-- WORDS]: types, style, kernel specs, then the tests of host and goldens, and those in every runtime. All
// steps run even if one fails. WORDS choose: the name of a step (`npm test -- types`), or a part of a path
// (`npm test -- session`). `--watch` runs the chosen tests again after each change.
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { run, runTool } from "./run.ts";

const KERNEL_SOURCES = ["assembly/**/*.ts", "test/kernels/*.ts"];
const HOST_FOLDERS = ["test/host", "test/claims", "test/golden"];
const PROGRAM_FOLDERS = ["test/runtimes", "test/clients", "test/machines"];

interface Step {
  readonly title: string;
  /** Left out unless it is asked for by name, or with CI=true. */
  readonly isSlow?: boolean;
  work(): Promise<void>;
}

const STEPS: Readonly<Record<string, Step>> = {
  types: { title: "types", work: () => runTool("tsc", ["-p", "."]) },
  style: { title: "lint and format", work: checkStyle },
  kernels: { title: "kernels, in both builds", work: runSpecs },
  host: { title: "host and goldens", work: () => runTests(find(HOST_FOLDERS, isQuick)) },
  slow: { title: "the slow tests", isSlow: true, work: () => runTests(find(HOST_FOLDERS, isSlow)) },
  // One after the other: browsers and compilers want the machine for themselves.
  runtimes: {
    title: "package, runtimes, examples, clients, several machines",
    work: () => runTests(find(PROGRAM_FOLDERS), "--test-concurrency=1"),
  },
};

const words = process.argv.slice(2).filter((word) => word !== "--watch");
if (process.argv.includes("--watch")) await runTests(chosen(words), "--watch");
else if (words.some((word) => !Object.hasOwn(STEPS, word))) await runTests(chosen(words));
else await runSteps(words.length > 0 ? words : usualSteps());

function usualSteps(): string[] {
  return Object.keys(STEPS).filter((name) => process.env.CI === "true" || !STEPS[name]?.isSlow);
}

async function runSteps(names: readonly string[]): Promise<void> {
  const failed: string[] = [];
  for (const { title, work } of names.map((name) => STEPS[name] as Step)) {
    const start = performance.now();
    console.error(`wkv: ${title} ...`);
    await work().catch((error: Error) => {
      console.error(`wkv: ${error.message}`);
      failed.push(title);
    });
    console.error(`wkv: ${title}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
  }
  if (failed.length === 0) return;
  console.error(`wkv: npm test failed: ${failed.join(", ")}`);
  process.exitCode = 1;
}

async function checkStyle(): Promise<void> {
  await runTool("biome", ["check", "."]);
  await runTool("prettier", ["--check", "--log-level", "warn", ...KERNEL_SOURCES]);
  await run(process.execPath, ["--import", "tsx", "tools/words.ts"]);
}

/** Node 20 computes relaxed SIMD wrongly: there a newer one beside it runs those specs. */
async function runSpecs(): Promise<void> {
  const { nodes } = await import("../test/runtimes/runtimes.ts");
  const spec = (node: string, ...options: string[]) =>
    run(node, ["node_modules/@as-pect/cli/lib/test.js", "--summary", ...options]);
  const node = Number.parseInt(process.versions.node, 10) >= 22 ? process.execPath : (nodes.get(24) ?? nodes.get(22));
  const relaxed = node ? spec(node, "--as-config", "as-pect.relaxed.asconfig.json") : missingNode();
  for (const { reason } of (await Promise.allSettled([spec(process.execPath), relaxed])) as PromiseRejectedResult[])
    if (reason) throw reason;
}

async function missingNode(): Promise<void> {
  const reason = "relaxed SIMD needs Node 22 or newer; npm run runtimes:install gets them";
  if (process.env.CI === "true") throw new Error(reason);
  console.error(`wkv: skipped: ${reason}`);
}

/** The test files of the chosen steps, and those with one of the words in their path; all without words. */
function chosen(words: readonly string[]): string[] {
  const all = find([...HOST_FOLDERS, ...PROGRAM_FOLDERS]);
  const files =
    words.length === 0 ? all.filter(isQuick) : all.filter((path) => words.some((word) => path.includes(word)));
  if (files.length > 0) return files;
  console.error(`wkv: no test file has ${words.join(" or ")} in its path, and no step is called so.`);
  console.error(`wkv: the steps are ${Object.keys(STEPS).join(", ")}.`);
  process.exit(2);
}

function find(folders: readonly string[], wanted: (path: string) => boolean = () => true): string[] {
  return folders.flatMap((folder) =>
    (readdirSync(folder, { recursive: true }) as string[])
      .filter((name) => name.endsWith(".test.ts") && !name.includes("node_modules"))
      .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
      .filter(wanted),
  );
}

function isSlow(path: string): boolean {
  return path.endsWith(".slow.test.ts");
}

function isQuick(path: string): boolean {
  return !isSlow(path);
}

function runTests(files: readonly string[], ...options: string[]): Promise<void> {
  // One more than there are cores, because tests wait for threads and processes that start.
  const concurrency = `--test-concurrency=${availableParallelism() + 1}`;
  return run(process.execPath, [
    "--import",
    "tsx",
    "--test",
    "--test-reporter=spec",
    concurrency,
    ...options,
    ...files,
  ]);
}
