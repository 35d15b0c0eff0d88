import type { Command } from "commander";
import { WkvError } from "../errors.ts";
import { type Inspection, inspectModel, type ModelFacts, type TokenizerFacts } from "../inspect.ts";
import { mergeStats, noStats, type Stats } from "../stats.ts";
import { UsageError } from "./failure.ts";
import { printMemory } from "./memory.ts";
import { print, printJson, statusLine } from "./output.ts";
import { progressText } from "./progress.ts";

interface InspectOptions {
  memory?: boolean;
  tensors?: boolean;
  stats?: boolean;
  json?: boolean;
}

const HELP = `
Only headers are read, however large the file is; --stats reads all values. A model with NaN values can be loaded, so
look here when a model makes no sense. A file that wkv cannot run is described as far as possible; the exit code is 1.

Examples:
  $ wkv inspect model.pth
  $ wkv inspect model.pth --stats
  $ wkv inspect model.pth --tensors --json
  $ wkv inspect --memory`;

export function addInspect(program: Command): void {
  program
    .command("inspect")
    .description("Shows what a model file holds: version, sizes, memory, vocabulary.")
    .argument("[MODEL]", "a model file")
    .option("--memory", "what every published shape would take in memory; needs no MODEL")
    .option("--tensors", "list all tensors")
    .option("--stats", "read all values: smallest, largest, NaN, infinite, tensors of zeros")
    .option("--json", "one JSON object")
    .addHelpText("after", HELP)
    .action(inspect);
}

async function inspect(path: string | undefined, options: InspectOptions): Promise<void> {
  if (options.memory) return printMemory(options);
  if (path === undefined) throw new UsageError("MODEL is missing: wkv inspect MODEL, or wkv inspect --memory");
  const status = statusLine();
  const inspection = await inspectModel(path, {
    stats: options.stats,
    onProgress: (progress) => status.show(progressText(progress, "reading")),
  }).finally(() => status.clear());
  if (options.json) {
    const { tensors, ...rest } = inspection;
    const stats = options.stats ? { stats: findings(inspection) } : {};
    await printJson({ ...rest, ...stats, ...(options.tensors ? { tensors } : {}) });
    if (inspection.error) process.exitCode = 1;
    return;
  }
  await print(`${inspection.file}\n${table(summary(inspection, options))}`);
  if (options.tensors) await print(table(inspection.tensors.map(tensorRow)));
  if (inspection.error) throw new WkvError(inspection.error.code, inspection.error.message);
}

type Row = readonly string[];

function summary(inspection: Inspection, { stats }: InspectOptions): Row[] {
  const { format, bytes, parameters, stored, model, memory, tokenizer, skipped, tensors } = inspection;
  return [
    ["format", `${format}, ${size(bytes)}`],
    ...(model ? modelRows(model) : []),
    ["parameters", `${parameters.toLocaleString("en")} in ${tensors.length} tensors`],
    ...stored.map((s) => ["stored", `${s.dtype}: ${size(s.bytes)} in ${s.tensors} tensors`]),
    ...(memory ? memoryRows(memory) : []),
    ...(tokenizer ? [["tokenizer", tokenizerText(tokenizer)]] : []),
    ...Object.entries(skipped).map(([name, what]) => ["skipped", `${name}: ${what}`]),
    ...(stats ? findingRows(findings(inspection)) : []),
  ];
}

function modelRows({ version, layers, width, heads, headSize, vocabSize, ffn, ranks }: ModelFacts): Row[] {
  const low = Object.entries(ranks).map(([name, rank]) => `${name} ${rank}`);
  return [
    ["model", `RWKV-${version}`],
    ["layers", `${layers}`],
    ["width", heads ? `${width}: ${heads} heads of ${headSize}` : `${width}`],
    ["ffn", `${ffn}`],
    ...(low.length ? [["low ranks", low.join(", ")]] : []),
    ["vocabulary", `${vocabSize} rows`],
  ];
}

function memoryRows(memory: NonNullable<Inspection["memory"]>): Row[] {
  return Object.entries(memory).map(([format, facts]) => {
    if (!facts) return ["memory", `${format}: more than the 4 GiB of 32-bit WebAssembly`];
    const { weights, session, total } = facts;
    return ["memory", `${format}: ${size(total)}, of it weights ${size(weights)}, a session ${size(session)}`];
  });
}

function tokenizerText(tokenizer: TokenizerFacts): string {
  if ("error" in tokenizer) return `none: ${tokenizer.error}`;
  const { source, kind, ids } = tokenizer;
  return kind ? `${source} (${kind}, ${ids} ids)` : `${source} (downloaded when it is needed)`;
}

/** Statistics of the whole file, and the names of the tensors that look wrong. */
function findings({ tensors }: Inspection) {
  const of = (wrong: (stats: Stats) => boolean) =>
    tensors.filter(({ stats }) => stats && wrong(stats)).map(({ name }) => name);
  return {
    ...tensors.reduce((sum, { stats }) => mergeStats(sum, stats ?? noStats()), noStats()),
    nanTensors: of(({ nan }) => nan > 0),
    infiniteTensors: of(({ infinite }) => infinite > 0),
    zeroTensors: of(({ nan, infinite, min, max }) => nan + infinite === 0 && min === 0 && max === 0),
  };
}

function findingRows(found: ReturnType<typeof findings>): Row[] {
  const list = (names: string[]) => (names.length ? names.join(", ") : "none");
  return [
    ["values", `${short(found.min)} to ${short(found.max)}`],
    ["NaN", `${found.nan}, in: ${list(found.nanTensors)}`],
    ["infinite", `${found.infinite}, in: ${list(found.infiniteTensors)}`],
    ["all zero", list(found.zeroTensors)],
  ];
}

function tensorRow({ name, dtype, shape, stats }: Inspection["tensors"][number]): Row {
  const row = [name, dtype, `[${shape.join(", ")}]`];
  if (!stats) return row;
  const wrong = [stats.nan && `${stats.nan} NaN`, stats.infinite && `${stats.infinite} infinite`].filter(Boolean);
  return [...row, [`${short(stats.min)} to ${short(stats.max)}`, ...wrong].join(", ")];
}

/** Columns of equal width; two spaces before each. */
function table(rows: readonly Row[]): string {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => width(i));
  const line = (row: Row) => row.map((cell, i) => `  ${cell.padEnd(widths[i] ?? 0)}`).join("");
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}

function size(bytes: number): string {
  if (bytes < 1e3) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function short(value: number | null): string {
  return value === null ? "?" : String(Number(value.toPrecision(6)));
}
