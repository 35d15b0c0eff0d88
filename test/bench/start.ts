/**
 * How long a process takes from its start to the first token: `npm run bench:start -- [MODEL] [--rounds N] [--against BUILD]`.
 * The library (where it is at each part) and `wkv run`, in turn; with the build/ folder of another checkout, pairs of both.
 * Prints and asserts nothing.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { thisMachine } from "./peers/machine.ts";

const { values, positionals } = parseArgs({
  options: { rounds: { type: "string", default: "15" }, against: { type: "string" } },
  allowPositionals: true,
});
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const model = positionals[0] ?? here("../../models/box/box.gguf");
const builds = [here("../../build"), ...(values.against ? [values.against] : [])];

/** Milliseconds. */
interface Times {
  /** From the start of the process to the first output, and to its end. */
  readonly first: number;
  readonly end: number;
  readonly output: string;
}

async function time(program: readonly string[]): Promise<Times> {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env; // Node 20 parses it at every start, which takes 35 ms
  const start = performance.now();
  const child = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "inherit"], env });
  let first = 0;
  let output = "";
  child.stdout.on("data", (text) => {
    first ||= performance.now() - start;
    output += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${program.join(" ")} ended with ${code}`);
  return { first, end: performance.now() - start, output };
}

const programs = {
  library: (build: string) => [here("start/library.mjs"), build, model],
  "wkv run": (build: string) => [`${build}/cli.js`, "run", model, "Once", "--quiet", "--max-tokens", "1"],
};

async function rounds(program: (build: string) => string[]): Promise<Times[][]> {
  const found: Times[][] = [];
  for (let round = 0; round <= Number(values.rounds); round++) {
    const times = new Map<string, Times>();
    for (const build of round % 2 ? builds.toReversed() : builds) times.set(build, await time(program(build)));
    if (round > 0) found.push(builds.map((build) => times.get(build) as Times)); // the first one fills the file cache
  }
  return found;
}

/** The median, and between which values eight of ten are. */
function spread(values: readonly number[], digits = 0): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => (sorted[Math.round((sorted.length - 1) * part)] as number).toFixed(digits);
  return `${at(0.5)} (${at(0.1)} to ${at(0.9)})`;
}

const PARTS = ["Node", "import", "load", "token"];

function printParts(outputs: readonly string[]): void {
  const times = outputs.map((output) => JSON.parse(output) as number[]);
  for (const [i, part] of PARTS.entries())
    console.log(`    ${part.padEnd(8)} ${spread(times.map((at) => at[i]! - (i > 0 ? at[i - 1]! : 0)))} ms`);
}

const { processor, cores } = thisMachine();
console.log(
  `${processor}, ${cores} cores, Node ${process.version}; ${model}; medians of ${values.rounds} (eight of ten between)`,
);
for (const [name, program] of Object.entries(programs)) {
  const found = await rounds(program);
  for (const [i, build] of builds.entries()) {
    const times = found.map((each) => each[i] as Times);
    console.log(`${name}, ${build}: first token ${spread(times.map(({ first }) => first))} ms`);
    console.log(`    end      ${spread(times.map(({ end }) => end))} ms`);
    if (name === "library") printParts(times.map(({ output }) => output));
  }
  if (builds.length > 1)
    console.log(
      `  ratio ${spread(
        found.map(([a, b]) => a!.first / b!.first),
        2,
      )}`,
    );
}
