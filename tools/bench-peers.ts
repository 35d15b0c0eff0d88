// `npm run bench:peers`: wkv beside llama.cpp's native build and its two builds for browsers, on the same files; writes the
// processor's section of docs/speed.md and its chart.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { ask } from "../test/bench/peers/children.ts";
import { thisMachine } from "../test/bench/peers/machine.ts";
import {
  LLAMA,
  LLAMA_WASM,
  measureLong,
  measureRound,
  noteMissing,
  type Program,
  type Run,
  WLLAMA,
} from "../test/bench/peers/measure.ts";
import { ensureModel } from "../test/bench/peers/model.ts";
import { findChromium, installPeers } from "../test/bench/peers/packages.ts";
import { pictureOf, withSection } from "../test/bench/peers/page.ts";
import type { FactsAnswer, Weights } from "../test/bench/peers/protocol.ts";
import { chart, report } from "../test/bench/peers/report.ts";
import type { Results } from "../test/bench/peers/results.ts";
import { barChart } from "./svg.ts";

interface Options {
  model?: string;
  weights: Weights[];
  rounds: number;
  prompt: number;
  decode: number;
  seconds: number;
  threads: number[];
  node: string[];
  without: string[];
  chromium?: string;
  long?: boolean;
  position: number;
  processor?: string;
  out: string;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const PEERS = join(root, ".wkv-cache/peers");
/** What wkv is measured with, and the file of random weights that has it. */
const MODELS = { int8: "Q8_0", int4: "Q4_0" } as const;

const program = new Command("bench:peers")
  .description("Measures wkv beside llama.cpp, native and in a browser, and writes a table and a chart.")
  .option("--model <FILE>", "a GGUF of RWKV-6 or 7; default: random weights of RWKV-7's 0.1B shape in Q8_0 and Q4_0")
  .option("--weights <list>", "what wkv's matrices are", weightsList, ["int8", "int4"])
  .option("--rounds <n>", "each engine is measured once a round", wholeNumber, 3)
  .option("--prompt <n>", "tokens of the prompt", wholeNumber, 512)
  .option("--decode <n>", "tokens made after it", wholeNumber, 100)
  .option("--seconds <n>", "an engine is measured again and again for so long in each round", Number, 5)
  .option("--threads <list>", "numbers of threads", (list) => list.split(",").map(wholeNumber), [1, 2])
  .option("--node <PATH>", "measures wkv with another Node too; may be given again", collect, [])
  .option("--without <engine>", '"llama.cpp", "wllama" or "node-llama-wasm"; may be given again', collect, [])
  .option("--chromium <PATH>", "the browser's program; default: where Debian has it")
  .option("--long", "also measures a token at a late position: minutes more")
  .option("--position <n>", "the late position", wholeNumber, 100_000)
  .option("--processor <name>", "the section's heading; default: the processor's name and its cores")
  .option("--out <FOLDER>", "where speed.md and the chart go", join(root, "docs"))
  .action(benchPeers);

try {
  await program.parseAsync();
} catch (error) {
  console.error(`bench:peers: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

async function benchPeers(options: Options): Promise<void> {
  const machine = thisMachine();
  if (Number(machine.load) > 1)
    console.error(
      `The load average is ${machine.load}: what else runs here makes the numbers smaller and less certain.`,
    );
  const run = await prepare(options);
  const { results } = run;
  for (let round = 0; round < options.rounds; round++) await measureRound(run, round);
  if (options.long) await measureLong(run, options.position);
  mkdirSync(options.out, { recursive: true });
  const { processor = `${machine.processor}, ${machine.cores} cores` } = options;
  const page = join(options.out, "speed.md");
  const picture = pictureOf(processor);
  const section = report(results, machine, { processor, picture, command: commandLine() });
  writeFileSync(page, withSection(existsSync(page) ? readFileSync(page, "utf8") : undefined, processor, section));
  writeFileSync(join(options.out, picture), barChart(chart(results)));
  console.error(`written: "${processor}" in ${page}, and ${picture}`);
}

/** The models, the prompt and the engines that can be had. */
async function prepare(options: Options): Promise<Run> {
  const { rounds, prompt: length, decode, threads, seconds, chromium } = options;
  const models = options.weights.map((weights) => ({ weights, model: modelOf(options, weights) }));
  const paths = [...new Set(models.map(({ model }) => model))];
  const { prompt, info } = await ask<FactsAnswer>("facts.ts", { model: paths[0], length });
  const files = paths.map((path) => ({ name: basename(path), bytes: statSync(path).size }));
  const lists = { engines: [], speeds: [], busy: [], own: [], missing: [] };
  const results: Results = {
    threads,
    rounds,
    prompt,
    decode,
    model: { ...info, files, isRandom: !options.model },
    ...lists,
  };
  const run: Run = { results, request: { prompt, decode, seconds, peers: PEERS, chromium } };
  const peers = [LLAMA, WLLAMA, LLAMA_WASM].filter((peer) => !options.without.includes(peer.id) && canRun(run, peer));
  for (const { weights, model } of models)
    for (const program of [...ownPrograms(options.node), ...peers])
      results.engines.push({ ...program, id: `${program.id}, ${weights}`, weights, model });
  return run;
}

function modelOf({ model }: Options, weights: Weights): string {
  if (model) return resolve(model);
  const path = join(PEERS, `rwkv7-0.1b-${MODELS[weights].toLowerCase()}.gguf`);
  ensureModel(path, MODELS[weights]);
  return path;
}

/** wkv on this Node and on the others. */
function ownPrograms(others: readonly string[]): Program[] {
  const nodes = [process.execPath, ...others];
  return nodes.map((node, i) => ({
    id: `wkv ${i}`,
    label: nodes.length > 1 ? `wkv (Node ${nodeVersion(node)})` : "wkv",
    script: "wkv-speed.ts",
    isPeer: false,
    node,
  }));
}

function nodeVersion(program: string): string {
  const { stdout, status } = spawnSync(program, ["--version"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} --version does not run: give --node the path of a Node program`);
  return stdout.trim().replace(/^v/, "");
}

/** Installs what the peer needs; where that fails, the reason goes into the results. */
function canRun({ results, request }: Run, peer: Program): boolean {
  try {
    installPeers(PEERS);
    if (peer.needsBrowser) request.chromium ??= findChromium();
    return true;
  } catch (error) {
    noteMissing(results, peer.label, error);
    return false;
  }
}

/** What was asked for, without this machine's paths. */
function commandLine(): string {
  const given = process.argv
    .slice(2)
    .map((word) => (word.includes(" ") ? `"${word}"` : word.includes("/") ? basename(word) : word));
  return ["npm run bench:peers", ...(given.length > 0 ? ["--", ...given] : [])].join(" ");
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Expected a whole number from 1 on.");
  return value;
}

function weightsList(text: string): Weights[] {
  return text.split(",").map((word) => {
    if (word !== "int8" && word !== "int4") throw new InvalidArgumentError('Expected "int8", "int4" or both.');
    return word;
  });
}

function collect(value: string, list: string[]): string[] {
  return [...list, value];
}
