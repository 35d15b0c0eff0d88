import { realpath } from "node:fs/promises";
import type { Command } from "commander";
import { DEFAULT_WEIGHTS, quotedFormats } from "../checkpoint/weight-formats.ts";
import { type ConvertOptions, convertModel } from "../convert/convert.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interrupt.ts";
import { loraFile } from "./options.ts";
import { note, printJson, statusLine } from "./output.ts";
import { number } from "./parse.ts";
import { progressText } from "./progress.ts";

interface Options {
  weights?: NonNullable<ConvertOptions["weights"]>;
  vocab?: string | false;
  groupNormEps?: number;
  lora?: { source: string; scale?: number }[];
  loraAlpha?: number;
  json?: boolean;
  quiet?: boolean;
}

const HELP = `
int8, int4 and f32 are packed: the bytes as this version of wkv uses them, so that loading takes as long as reading the
file. f16 is a plain safetensors file under the published names, half of f32's size, for other programs too; it is packed
when loaded. The vocabulary is included, so one file is enough.
OUT is written completely or not at all; an existing file is replaced.

Examples:
  $ wkv convert model.pth model.safetensors
  $ wkv convert model.pth model.safetensors --weights f16 --vocab rwkv_vocab_v20230424.txt`;

export function addConvert(program: Command): void {
  program
    .command("convert")
    .description("Converts a model and its vocabulary to one file, packed for the fastest start.")
    .argument("<IN>", "a model file")
    .argument("<OUT>", "the file to write: a .safetensors")
    .option("--weights <format>", `${quotedFormats("f16")}; default: ${DEFAULT_WEIGHTS}`)
    .option("--vocab <vocab>", 'the vocabulary: a file, an address, "world", "pile" or "bytes"; default: as wkv run')
    .option("--no-vocab", "omit the vocabulary")
    .option("--group-norm-eps <x>", "epsilon of the group norm in RWKV-5 to 7, if it is not 64e-5", number)
    .option("--lora <file[:scale]>", "merge a LoRA; may be given several times; not with f16", loraFile)
    .option("--lora-alpha <n>", "its trainer's lora_alpha: adds scale · alpha / rank; default: the rank", number)
    .option("-q, --quiet", "no progress and no summary")
    .option("--json", "one JSON object: bytes, weights, tokenizer")
    .addHelpText("after", HELP)
    .action(convert);
}

async function convert(source: string, target: string, options: Options): Promise<void> {
  const { weights, vocab, groupNormEps, json, quiet = false } = options;
  if (await isSameFile(source, target)) throw new UsageError("IN and OUT are the same file: give another OUT.");
  await interruptible(async (signal) => {
    const status = statusLine(quiet);
    const onProgress: ConvertOptions["onProgress"] = (progress) => status.show(progressText(progress, "converting"));
    const lora = options.lora?.map((each) => ({ ...each, alpha: options.loraAlpha })) ?? [];
    const choice = { lora, weights, vocab: vocab === false ? null : vocab, groupNormEps };
    const converted = await convertModel(source, target, { ...choice, signal, onProgress }).finally(() => {
      status.clear();
    });
    if (json) await printJson(converted);
    else if (!quiet) note(summary(target, converted));
  });
}

function summary(target: string, { bytes, weights, tokenizer }: Awaited<ReturnType<typeof convertModel>>): string {
  const vocabulary = tokenizer ? `with its ${tokenizer} vocabulary` : "without a vocabulary";
  return `${target}: ${(bytes / 1e6).toFixed(1)} MB, weights as ${weights}, ${vocabulary}`;
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => realpath(path).catch(() => undefined)));
  return first !== undefined && first === second;
}
