// `npm run bench:server [-- --only clients|streams] [--write]`: `wkv serve` beside llama.cpp behind the same wire, with random weights of RWKV-7's 0.1B shape in
// Q8_0: clients at once, a long prompt beside running streams, a conversation that is restored. Prints; --write: into docs/server.md.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { thisMachine } from "./peers/machine.ts";
import { ensureModel } from "./peers/model.ts";
import { installPeers, packageVersions } from "./peers/packages.ts";
import { crowd, longPrompt, restore, streaming } from "./server/measures.ts";
import { type Program, startLlama, startWkv } from "./server/programs.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PEERS = join(ROOT, ".wkv-cache/peers");
const PAGE = join(ROOT, "docs/server.md");

const { values } = parseArgs({
  options: {
    model: { type: "string", default: join(PEERS, "rwkv7-0.1b-q8_0.gguf") },
    clients: { type: "string", default: "1,8,32,100" },
    threads: { type: "string", default: "2" },
    read: { type: "string", default: "64" },
    made: { type: "string", default: "16" },
    streams: { type: "string", default: "8" },
    prompt: { type: "string", default: "4000" },
    rounds: { type: "string", default: "3" },
    conversation: { type: "string", default: "10000" },
    "without-llama": { type: "boolean", default: false },
    only: { type: "string", default: "" },
    write: { type: "boolean", default: false },
  },
});
const counts = values.clients.split(",").map(Number);
const [read, made, streams] = [Number(values.read), Number(values.made), Number(values.streams)];
const settings = { model: values.model, threads: Number(values.threads), clients: Math.max(...counts, streams + 1) };
const report: string[] = [];

if (values.model.startsWith(PEERS)) ensureModel(values.model, "Q8_0");
const { processor, cores } = thisMachine();
const machine = `${processor}, ${cores} cores, ${values.threads} threads, Node ${process.versions.node}; ${basename(values.model)}.`;
const wkv = await startWkv(settings);
const vocabSize = await vocabularyOf(wkv);
await crowd({ ...wkv, vocabSize }, 1, read, made); // V8 compiles the kernels
if (values.only !== "streams") {
  say(`${machine} All clients ask at once, each with`, `a prompt of ${read} tokens, and get ${made} tokens.`, "");
  say("| Server | Clients | First token: median | slowest | Tokens per second |", "| --- | --- | --- | --- | --- |");
  await crowds("`wkv serve`", wkv);
  if (!values["without-llama"]) await llama();
  finish("clients");
}
if (values.only !== "clients") {
  say(machine);
  await beside(wkv);
  await continued(wkv);
  finish("streams");
}
await wkv.stop();

/** What was measured, into its place in the page. */
function finish(part: "clients" | "streams"): void {
  const lines = report.splice(0).join("\n");
  if (!values.write) return;
  const place = new RegExp(`(<!-- npm run bench:server: ${part} -->\n)[\\s\\S]*?(<!-- end -->)`);
  const page = readFileSync(PAGE, "utf8");
  writeFileSync(
    PAGE,
    page.replace(place, (_, start, end) => `${start}${lines}\n${end}`),
  );
}

function say(...lines: string[]): void {
  for (const line of lines) console.log(line);
  report.push(...lines);
}

async function vocabularyOf({ base }: Program): Promise<number> {
  const { data } = await (await fetch(`${base}/models`)).json();
  return data[0].meta.vocab_size;
}

async function crowds(name: string, program: Program): Promise<void> {
  for (const clients of counts) {
    const { median, slowest, rate } = await crowd({ ...program, vocabSize }, clients, read, made);
    say(`| ${name} | ${clients} | ${median.toFixed(2)} s | ${slowest.toFixed(2)} s | ${rate.toFixed(1)} |`);
  }
}

async function llama(): Promise<void> {
  installPeers(PEERS);
  const program = await startLlama(settings, PEERS);
  await crowds(/node-llama-cpp [\d.]+/.exec(packageVersions())![0], program);
  await program.stop();
}

async function beside(program: Program): Promise<void> {
  const rates: string[] = [];
  for (const count of [1, 16])
    rates.push(`${count}: ${(await streaming({ ...program, vocabSize }, count, 3)).toFixed(0)}`);
  const length = Number(values.prompt);
  const { before, during, beside, alone } = await longPrompt(
    { ...program, vocabSize },
    streams,
    length,
    Number(values.rounds),
  );
  rates.splice(1, 0, `${streams}: ${before.toFixed(0)}`);
  say(
    `Tokens per second by the number of running streams: ${rates.join(", ")}. Prompts are read at ${(length / alone).toFixed(0)}`,
    `tokens per second. While one of ${length} tokens is read beside ${streams} streams, they make ${during.toFixed(0)}`,
    `(${percent(during / before)}), and the prompt takes ${beside.toFixed(1)} s instead of ${alone.toFixed(1)} s.`,
    "",
  );
}

async function continued(program: Program): Promise<void> {
  const length = Number(values.conversation);
  const { read, restored } = await restore({ ...program, vocabSize }, length);
  say(
    `A conversation of ${length} tokens is read in ${read.toFixed(1)} s. Continued from its named state, its first token`,
    `comes after ${(1000 * restored).toFixed(0)} ms (${percent(restored / read)}).`,
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}
