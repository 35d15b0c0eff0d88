import type { Command } from "commander";
import { WkvError } from "../errors.ts";
import {
  type Inspection,
  inspectModel,
  type ModelFacts,
  type TensorFacts,
  type TensorPlace,
  type TokenizerFacts,
  type TunedStateFacts,
} from "../inspect/inspect.ts";
import { statePicture } from "../inspect/state-picture.ts";
import { mergeStats, noStats, type Stats } from "../inspect/stats.ts";
import type { LoraFacts } from "../models/lora.ts";
import { saveFile } from "../source/disk/write.ts";
import { UsageError } from "./failure.ts";
import { printMemory } from "./memory.ts";
import { modelSource } from "./model-argument.ts";
import { inLine, note, print, printJson, statusLine } from "./output.ts";
import { png } from "./png.ts";
import { progressLines } from "./progress.ts";
import { type Row, size, table } from "./table.ts";

interface InspectOptions {
  memory?: boolean;
  tensors?: boolean;
  stats?: boolean;
  json?: boolean;
  state?: string;
  out?: string;
}

const HELP = `
Only headers are read, however large the file is; of a remote model (hf:ORG/REPO, https://...) only they are fetched, if
its server supports ranges. --stats reads all values. A model with NaN values can be loaded, so look here if a model
writes nonsense. A file that wkv cannot run is described as far as possible; the exit code is 1. --tensors shows what
each tensor becomes in memory with int8 weights; with --json also its address.

Examples:
  $ wkv inspect model.pth
  $ wkv inspect model.pth --stats
  $ wkv inspect model.pth --tensors --json
  $ wkv inspect --memory
  $ wkv inspect --state story.state --out story.png`;

export function addInspect(program: Command): void {
  program
    .command("inspect")
    .description("Shows what a model, a LoRA or a tuned state contains: version, sizes, memory, vocabulary.")
    .argument("[MODEL]", "a .pth, .safetensors, .gguf or .bin file, a folder with one, or an address")
    .option("--memory", "the memory that every published shape needs; without MODEL")
    .option("--tensors", "list all tensors")
    .option("--stats", "read all values: smallest, largest, NaN, infinite, all-zero tensors")
    .option("--json", "one JSON object")
    .option("--state <file>", "draw a saved state as a picture; without MODEL")
    .option("--out <file>", "the picture, a PNG file; default: the state's name and .png")
    .addHelpText("after", HELP)
    .action(inspect);
}

async function inspect(path: string | undefined, options: InspectOptions): Promise<void> {
  if (options.memory) return printMemory(options);
  if (options.state !== undefined) return drawState(options.state, options.out ?? `${options.state}.png`);
  if (path === undefined) throw new UsageError("MODEL is missing: wkv inspect MODEL, or wkv inspect --memory");
  const status = statusLine();
  const text = progressLines("reading");
  const inspection = await inspectModel(modelSource(path), {
    stats: options.stats,
    onProgress: (progress) => status.show(text(progress)),
  }).finally(() => status.clear());
  if (options.json) {
    const { tensors, ...rest } = inspection;
    const stats = options.stats ? { stats: findings(inspection) } : {};
    await printJson({ ...rest, ...stats, ...(options.tensors ? { tensors } : {}) });
    if (inspection.error) process.exitCode = 1;
    return;
  }
  await print(`${inLine(inspection.file)}\n${table(summary(inspection, options))}`);
  if (options.tensors) await print(table(inspection.tensors.map(tensorRow)));
  if (inspection.error) throw new WkvError(inspection.error.code, inspection.error.message);
}

async function drawState(state: string, out: string): Promise<void> {
  const picture = await statePicture(state);
  const bytes = png(picture);
  await saveFile(out, [bytes], bytes.length);
  const { layers, heads, headSize, width, height } = picture;
  note(`${out}: ${width} × ${height} pixels, ${layers} layers of ${heads} heads of ${headSize} × ${headSize} values`);
}

/** What a file holds, a row per fact. */
export function summary(inspection: Inspection, { stats }: Pick<InspectOptions, "stats"> = {}): Row[] {
  const { bytes, parameters, stored, model, memory, tokenizer, lora, tunedState, skipped, tensors } = inspection;
  return [
    ["format", `${formatText(inspection)}, ${size(bytes)}`],
    ...(model ? modelRows(model) : []),
    ...(lora ? loraRows(lora) : []),
    ...(tunedState ? [tunedStateRow(tunedState, model !== undefined)] : []),
    ["parameters", `${parameters.toLocaleString("en")} in ${tensors.length} tensors`],
    ...stored.map((s) => ["stored", `${s.dtype}: ${size(s.bytes)} in ${s.tensors} tensors`]),
    ...(memory ? memoryRows(memory) : []),
    ...(tokenizer ? [["tokenizer", tokenizerText(tokenizer)]] : []),
    ...Object.entries(skipped).map(([name, what]) => ["skipped", `${name}: ${what}`]),
    ...(stats ? findingRows(findings(inspection)) : []),
  ];
}

function formatText({ format, names, parts }: Inspection): string {
  const own = names && names !== "published" && names !== format ? `, names of ${names}` : "";
  return `${format}${own}${parts ? `, ${parts.length} files` : ""}`;
}

function loraRows({ pairs, whole }: LoraFacts): Row[] {
  const ranks = [...new Set(pairs.map(({ rank }) => rank))].join(", ");
  return [
    ["LoRA", `${pairs.length} matrices, rank ${ranks}; give it with a model: --lora FILE`],
    ...(whole.length ? [["replaces", whole.join(", ")]] : []),
  ];
}

function tunedStateRow({ layers, heads, headSize }: TunedStateFacts, isInModel: boolean): Row {
  const use = isInModel ? "every session starts from it" : "give it with a model: --state FILE";
  return ["tuned state", `${layers} layers of ${heads} heads of ${headSize}; ${use}`];
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
    return [
      "memory",
      `${format}: ${size(total)}, including ${size(weights)} of weights and ${size(session)} per session`,
    ];
  });
}

function tokenizerText(tokenizer: TokenizerFacts): string {
  if ("error" in tokenizer) return `none: ${tokenizer.error}`;
  const { source, kind, ids } = tokenizer;
  return kind ? `${source} (${kind}, ${ids} ids)` : `${source} (downloaded when needed)`;
}

/** Statistics of the whole file, and the names of suspicious tensors. */
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

function tensorRow({ name, dtype, shape, stats, places }: TensorFacts): Row {
  const row = [name, dtype, `[${shape.join(", ")}]`];
  const values = stats ? [statsText(stats)] : [];
  return [...row, ...values, ...(places ? [placesText(name, places)] : [])];
}

function statsText({ nan, infinite, min, max }: Stats): string {
  const wrong = [nan && `${nan} NaN`, infinite && `${infinite} infinite`].filter(Boolean);
  return [`${short(min)} to ${short(max)}`, ...wrong].join(", ");
}

/** What a tensor becomes in memory, with its published name if the file has another. */
function placesText(name: string, places: readonly TensorPlace[]): string {
  const [first] = places;
  if (!first) return "not loaded";
  if (places.length > 1) return `${places.length} pieces from ${first.name} on: ${first.kind} ${first.format}`;
  return `${first.name === name ? "" : `${first.name}: `}${first.kind} ${first.format}`;
}

function short(value: number | null): string {
  return value === null ? "?" : String(Number(value.toPrecision(6)));
}
