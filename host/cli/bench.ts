import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { WeightFormat } from "../checkpoint/weight-formats.ts";
import type { Simd } from "../engine/platform.ts";
import { type BenchmarkResult, benchmark, type Spread } from "../measure/benchmark.ts";
import type { ModelInfo } from "../model/model.ts";
import { defaultModel } from "./default-model.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interrupt.ts";
import { load } from "./load.ts";
import { ACTIVATIONS_HELP, WEIGHTS_HELP } from "./options.ts";
import { print, printJson, statusLine } from "./output.ts";
import { number } from "./parse.ts";

interface BenchOptions {
  weights?: WeightFormat;
  activations?: "int8";
  threads?: number;
  simd?: Simd;
  prefill?: number;
  decode?: number;
  sessions?: number;
  rounds?: number;
  json?: boolean;
  quiet?: boolean;
}

const HELP = `
Decoding reads every matrix once per token, so its measure is the share of the memory's read bandwidth: bytes of
those matrices, times tokens per second, over what the same threads reach when they only read. Both are measured in turn,
in the same process; the spread over the rounds is what the machine's other work does to it. b(M) is the time of a pass
over M tokens of one session with logits at each, as checking a draft takes it, over the time of one token.

Examples:
  $ wkv bench model.gguf
  $ wkv bench model.gguf --threads 2 --sessions 8 --json`;

export function addBench(program: Command): void {
  program
    .command("bench")
    .description("Measures speed: prefill, decode, share of the memory bandwidth, time per phase.")
    .argument("[MODEL]", "a model file; default: the bundled model")
    .option("--weights <format>", WEIGHTS_HELP)
    .option("--activations <format>", ACTIVATIONS_HELP)
    .option("--threads <n>", "threads that compute; default: the cores, at most 4", number)
    .option("--simd <build>", 'which build of the kernels: "plain" or "relaxed"')
    .option("--prefill <n>", "tokens of the prompt; default: 512", number)
    .option("--decode <n>", "tokens decoded in each round; default: 64", number)
    .option("--sessions <n>", "sessions decoding together; default: 1", number)
    .option("--rounds <n>", "default: 5", number)
    .option("-q, --quiet", "no progress")
    .option("--json", "one JSON object")
    .addHelpText("after", HELP)
    .action(bench);
}

async function bench(argument: string | undefined, options: BenchOptions): Promise<void> {
  const path = argument ?? (await defaultModel());
  if (!path) throw new UsageError("MODEL is missing: wkv bench MODEL");
  const { prefill, decode, sessions, rounds, json, quiet } = options;
  await interruptible(async (signal) => {
    const model = await load(path, { ...options, vocab: null }, signal);
    const status = statusLine(quiet);
    try {
      const onRound = (round: number) => status.show(`round ${round + 1}`);
      const result = await benchmark(model, { prefill, decode, sessions, rounds, onRound, signal });
      status.clear();
      const hugePages = await transparentHugePages();
      await (json
        ? printJson({ model: model.info, hugePages, ...result })
        : print(report(model.info, result, sessions ?? 1, hugePages)));
    } finally {
      status.clear();
      await model.dispose();
    }
  });
}

const THP = "/sys/kernel/mm/transparent_hugepage/enabled";

/** "always", "madvise" or "never"; undefined where there is no such setting. */
async function transparentHugePages(): Promise<string | undefined> {
  const text = await readFile(THP, "utf8").catch(() => "");
  return /\[(\w+)\]/.exec(text)?.[1];
}

/**
 * WebAssembly memory gets huge pages only where all memory does. No figure: one Intel server decoded 1.2 times as fast with
 * them, another (0.1B Q8_0, one thread, three pairs) at 0.92 to 0.96 of its speed.
 */
function pagesLine(setting: string | undefined): string {
  if (setting === undefined || setting === "always") return "";
  return `pages       small: transparent huge pages are off for WebAssembly ("${setting}"); some processors
            decode faster with them. To try it: echo always | sudo tee ${THP}
`;
}

function kernelsOf({ simd, relaxedDot, activationBits }: ModelInfo): string {
  const dot =
    relaxedDot && (relaxedDot === "pairs" ? " (dot products of two)" : ` (dot products of four, ${relaxedDot})`);
  return `${simd} SIMD${dot ?? ""}, ${activationBits ? `activations of ${activationBits} bits` : "f32"}`;
}

function report(info: ModelInfo, result: BenchmarkResult, sessions: number, hugePages: string | undefined): string {
  const total = Object.values(result.phases).reduce((sum, ms) => sum + ms, 0);
  const phases = Object.entries(result.phases).map(
    ([name, ms]) => `  ${name.padEnd(12)}${ms.toFixed(3)} ms  ${((100 * ms) / total).toFixed(0)} %`,
  );
  const passes = Object.entries(result.passes)
    .map(([m, cost]) => `b(${m}) ${show(cost, 2)}`)
    .join(", ");
  return `RWKV-${info.version}, ${info.layers} layers of ${info.width}, ${info.weights}, ${info.threads} threads, ${sessions} session${sessions === 1 ? "" : "s"}
kernels     ${kernelsOf(info)}
prefill     ${show(result.prefill, 0)} tokens/s
decode      ${show(result.decode, 1)} tokens/s
read        ${(result.bytesPerToken / 1e6).toFixed(1)} MB per token, memory ${show(result.readBandwidth, 1)} GB/s
share       ${show(result.share, 3)} of the bandwidth
${pagesLine(hugePages)}passes      ${passes}
time of one token, by phase:
${phases.join("\n")}
`;
}

/** Median, and the spread over the rounds. */
function show({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}
