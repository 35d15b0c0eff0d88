// `npm run runtimes`: asks every runtime on this machine for its bits and its speed, and writes the table of
// docs/runtimes.md. A runtime that is missing keeps the process from writing: the table has no empty cell.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { copyExample, makeConsumer } from "../test/runtimes/consumer.ts";
import { makeData, type Turns, writePublished } from "../test/runtimes/data.ts";
import { HOW_TO_GET, nodes, RUNTIMES, type Runtime, wrangler } from "../test/runtimes/runtimes.ts";
import { type Server, serve } from "../test/runtimes/server.ts";
import { measureWorker, wranglerDev } from "../test/runtimes/workerd.ts";

const nodeVersion = RUNTIMES[0]?.version;
const PAGE = "docs/runtimes.md";
const [BEGIN, END] = ["<!-- table -->\n", "<!-- /table -->"];

interface Run {
  error?: string;
  threads: number;
  singleThreadReason?: string;
  hashes: Record<string, string>;
}
type Probe = Record<"plain" | "threaded" | "relaxed" | "relaxed threaded", Run>;
interface Speed {
  threads: number;
  tokensPerSecond: number;
}

const missing = RUNTIMES.filter(({ version }) => !version);
if (missing.length > 0) {
  console.error(`wkv: ${missing.map(({ name }) => name).join(", ")}: not on this machine. ${HOW_TO_GET}.`);
  process.exit(1);
}
const temporary = mkdtempSync(join(tmpdir(), "wkv-data-"));
const { folder } = makeConsumer();
makeData(join(temporary, "data"));
writePublished(join(temporary, "data"));
const folders = { "/data": join(temporary, "data"), "/": folder };
const [plain, isolated] = await Promise.all([serve(folders, false), serve(folders, true)]);
try {
  const node = await measure(RUNTIMES[0] as Runtime);
  const rows = [row(RUNTIMES[0] as Runtime, node, node)];
  for (const runtime of RUNTIMES.slice(1)) rows.push(row(runtime, await measure(runtime), node));
  write(rows, await worker());
} finally {
  for (const server of [plain, isolated]) server.close();
  for (const path of [folder, temporary]) rmSync(path, { recursive: true });
}

async function measure({ name, isolated: headers, run }: Runtime) {
  console.error(`wkv: ${name} ...`);
  const server: Server = headers ? isolated : plain;
  const probe = (await run({ folder, server }, "probe")) as Probe;
  const one = (await run({ folder, server }, "speed", { threads: 1 })) as Speed;
  const two = (await run({ folder, server }, "speed", { threads: 2 })) as Speed;
  const turns = (await run({ folder, server }, "turns", { threads: 2 })) as Turns;
  return { probe, one, two, turns };
}

type Measured = Awaited<ReturnType<typeof measure>>;

function row({ name, version }: Runtime, { probe, one, two, turns }: Measured, node: Measured): string {
  const { threads, singleThreadReason } = probe.threaded;
  const expected = JSON.stringify(node.probe.plain.hashes);
  const ran = Object.values(probe).filter((run) => run?.hashes && !run.error);
  const equal = ran.filter((run) => JSON.stringify(run.hashes) === expected).length;
  const speed = ({ tokensPerSecond }: Speed, base: Speed) =>
    `${tokensPerSecond.toFixed(0)} (${((100 * tokensPerSecond) / base.tokensPerSecond).toFixed(0)} %)`;
  const cells = [
    name.replace(/^Node \d+$/, "Node").replace(/^[^,]+/, (label) => `${label} ${version?.replace("workerd ", "")}`),
    probe.plain.error ?? "yes",
    threads > 1 ? "yes" : `1: ${singleThreadReason}`,
    probe.relaxed.error ? "no" : "yes",
    `${equal} of ${ran.length} configurations`,
    speed(one, node.one),
    two.threads === 2 ? speed(two, node.two) : "one thread only",
    `${turns.late.toFixed(0)} ms`,
  ];
  return `| ${cells.join(" | ")} |`;
}

/** What the example for Cloudflare takes: a paragraph. */
async function worker(): Promise<string> {
  console.error("wkv: memory and time of a Worker ...");
  const dev = await wranglerDev(nodes.get(24) as string, wrangler as string, copyExample(folder, "cloudflare-worker"));
  try {
    const { before, peak, firstSeconds, laterSeconds } = await measureWorker(dev, "Once upon a time");
    const [start, more] = [before, peak - before].map((bytes) => `${(bytes / 1e6).toFixed(0)} MB`);
    return `The [Worker](../examples/cloudflare-worker) under \`wrangler dev\`: its process has ${start} resident before the
first request, and at most ${more} more from then on. The first request, which loads the bundled model and writes 100 tokens,
takes ${firstSeconds.toFixed(2)} s of CPU time; later ones, which find the model there, ${laterSeconds.toFixed(2)} s each.`;
  } finally {
    await dev.group.end();
  }
}

function write(rows: string[], ...paragraphs: string[]): void {
  const page = readFileSync(PAGE, "utf8");
  const table = [
    "| Runtime | Loads | Threads | Relaxed SIMD | Bits equal Node's | Decode, 1 thread | Decode, 2 threads | Event loop |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
    "",
    `Measured on ${cpus()[0]?.model.trim()}, ${cpus().length} cores; tokens per second and share of Node ${nodeVersion}'s.`,
    ...paragraphs.flatMap((paragraph) => ["", paragraph]),
    "",
  ].join("\n");
  const [head, rest = ""] = page.split(BEGIN) as [string, string?];
  writeFileSync(PAGE, `${head}${BEGIN}\n${table}\n${END}${rest.split(END)[1] ?? "\n"}`);
  console.log(table);
}
