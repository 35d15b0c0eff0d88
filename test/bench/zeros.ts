/**
 * Whether it pays to skip the weights of `ffn.value` that meet a zero: `npm run bench:zeros`. Three kernels, at shapes of
 * one layer in as many layers as a model has, so that the weights come from where they come from in a model: all weights
 * read, pairs of columns skipped in place, and packed by columns (test/kernels/skip-zeros.ts). Prints GB of weights a
 * second, skipped ones counted, and asserts nothing.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runTool } from "../../tools/run.ts";
import { random } from "../support/random.ts";
import { tempFolder } from "../support/temp-folder.ts";

type Kernel = (w: number, blocks: number, cols: number, x: number, out: number, sums: number) => void;

const ROUNDS = 7;
/** Bytes that a kernel reads in a round, at the least. */
const ENOUGH = 200e6;
const [X, OUT, SUMS, WEIGHTS] = [1 << 20, 2 << 20, 3 << 20, 4 << 20] as const;
/** Rows and columns of ffn.value, and the bytes of weights that a token passes by. */
const SHAPES = [
  { name: "box model", rows: 192, cols: 768, megabytes: 4.5 },
  { name: "0.1B", rows: 768, cols: 3072, megabytes: 160 },
  { name: "1.5B", rows: 2048, cols: 8192, megabytes: 400 },
];

const memory = new WebAssembly.Memory({ initial: 7000, maximum: 65536, shared: true });
const next = random(1);
const kernels = Object.entries(await compile());
fillWeights();
console.log(`${"".padEnd(12)}${"zeros".padEnd(8)}${kernels.map(([name]) => name.padEnd(20)).join("")}`);
for (const shape of SHAPES)
  for (const zeros of [0.5, 0.8, 0.9, 0.95]) {
    const speeds: number[][] = kernels.map(() => []);
    for (let round = 0; round < ROUNDS; round++)
      for (const [i, [, kernel]] of kernels.entries()) speeds[i]?.push(measure(kernel, shape, zeros));
    console.log(`${shape.name.padEnd(12)}${String(zeros).padEnd(8)}${speeds.map(text).join("")}`);
  }

async function compile(): Promise<Record<string, Kernel>> {
  const folder = tempFolder("zeros");
  const [raw, file] = [join(folder, "raw.wasm"), join(folder, "zeros.wasm")];
  const entry = ["test/kernels/skip-zeros.ts", "--config", "none"];
  const memoryOptions = ["--importMemory", "--sharedMemory", "--initialMemory", "2", "--maximumMemory", "65536"];
  const options = ["-O3", "--noAssert", "--runtime", "stub", "--enable", "simd,threads,bulk-memory", "--use", "abort="];
  await runTool("asc", [...entry, ...memoryOptions, ...options, "-o", raw]);
  await runTool("wasm-opt", [raw, "-O4", "--all-features", "-o", file]);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), { env: { memory } });
  const { all, inPlace, byColumns } = exports as unknown as Record<string, Kernel>;
  return { all: all!, "in place": inPlace!, "by columns": byColumns! };
}

/** The same bytes everywhere, so that integers and scales are usual ones in either order. */
function fillWeights(): void {
  new Uint8Array(memory.buffer).fill(0x3c, WEIGHTS);
}

function measure(kernel: Kernel, { rows, cols, megabytes }: (typeof SHAPES)[number], zeros: number): number {
  const bytes = rows * (cols / 32) * 34;
  const layers = Math.ceil((megabytes * 1e6) / bytes);
  const count = Math.max(layers, Math.ceil(ENOUGH / bytes));
  let milliseconds = 0;
  for (let i = 0; i < count; i++) {
    makeActivations(cols, zeros);
    const start = performance.now();
    kernel(WEIGHTS + (i % layers) * bytes, rows / 32, cols, X, OUT, SUMS);
    milliseconds += performance.now() - start;
  }
  return (bytes * count) / milliseconds / 1e6;
}

function makeActivations(cols: number, zeros: number): void {
  const x = new Int16Array(memory.buffer, X, cols);
  for (let c = 0; c < cols; c++) x[c] = next(1000) < 1000 * zeros ? 0 : 1 + next(8191);
  new Float32Array(memory.buffer, X + 2 * cols, cols / 32).fill(1);
}

function text(speeds: number[]): string {
  const sorted = speeds.slice(1).sort((a, b) => a - b);
  const [low, middle, high] = [0, sorted.length >> 1, sorted.length - 1].map((i) => sorted[i]!.toFixed(1));
  return `${middle} (${low}–${high})`.padEnd(20);
}
