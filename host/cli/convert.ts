import { readFile, realpath } from "node:fs/promises";
import type { Command } from "commander";
import { DEFAULT_WEIGHTS, quotedFormats } from "../checkpoint/weight-formats.ts";
import { convertModel } from "../convert/convert.ts";
import type { ConvertOptions } from "../convert/options.ts";
import { WkvError } from "../errors.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interrupt.ts";
import { modelSource } from "./model-argument.ts";
import { loraFile } from "./options.ts";
import { note, printJson, statusLine } from "./output.ts";
import { bytes, number } from "./parse.ts";
import { progressLines } from "./progress.ts";

interface Options {
  weights?: NonNullable<ConvertOptions["weights"]>;
  vocab?: string | false;
  groupNormEps?: number;
  lora?: { source: string; scale?: number }[];
  loraAlpha?: number;
  calibrate?: string | true;
  size?: number;
  json?: boolean;
  quiet?: boolean;
}

const HELP = `
int8 and f32 are packed: the bytes as this version of wkv computes with them, so that a start takes as long as reading
the file. f16 is a plain safetensors file under the published names, half of f32's size, which other programs read too;
it is packed when it is loaded. The vocabulary goes into the file, so one file is enough. An OUT that ends in .gguf
is a GGUF file, which llama.cpp reads too: of RWKV-6 and 7, with Q8_0, Q4_0, F32 or F16 for the four formats, the chat
template and the embedding in Q8_0 beside Q4_0.
--calibrate reads a text while int4 weights are rounded, so that the errors of one column make up for those before it: a
quarter of the bits' damage for some minutes of work. "auto" measures what each matrix costs as int4 alone, and leaves
those in int8 that cost most: as many as fit --size, otherwise as many as cost three quarters of the whole.
OUT is there as a whole or not at all; an older file of that name is replaced.

Examples:
  $ wkv convert model.pth model.safetensors
  $ wkv convert model.pth model.safetensors --weights f16 --vocab rwkv_vocab_v20230424.txt
  $ wkv convert model.pth model.gguf --weights int4 --lora style.pth
  $ wkv convert model.pth small.safetensors --weights int4 --calibrate prose.txt
  $ wkv convert model.pth small.safetensors --weights auto --size 90MB --calibrate`;

export function addConvert(program: Command): void {
  program
    .command("convert")
    .description("Converts a model and its vocabulary to one file, packed for the fastest start.")
    .argument("<IN>", "a model file")
    .argument("<OUT>", "the file to make: a .safetensors or .gguf")
    .option("--weights <format>", `${quotedFormats("f16", "auto")}; default: ${DEFAULT_WEIGHTS}`)
    .option("--vocab <vocab>", 'the vocabulary: a file, an address, "world", "pile" or "bytes"; default: as wkv run')
    .option("--no-vocab", "omit the vocabulary")
    .option("--group-norm-eps <x>", "epsilon of the group norm in RWKV-5 to 7, if it is not 64e-5", number)
    .option("--lora <file[:scale]>", "merge a LoRA; may be given several times", loraFile)
    .option("--lora-alpha <n>", "its trainer's lora_alpha: adds scale · alpha / rank; default: the rank", number)
    .option("--calibrate [file]", "round to int4 by what it does to a text; default: one that the model writes itself")
    .option("--size <bytes>", "with --weights auto: the most that OUT may have, such as 90MB", bytes)
    .option("-q, --quiet", "no progress and no summary")
    .option("--json", "one JSON object: bytes, weights, tokenizer")
    .addHelpText("after", HELP)
    .action(convert);
}

async function convert(source: string, target: string, options: Options): Promise<void> {
  const { weights, vocab, groupNormEps, size, json, quiet = false } = options;
  if (await isSameFile(source, target)) throw new UsageError("IN and OUT are the same file: give another OUT.");
  await interruptible(async (signal) => {
    const status = statusLine(quiet);
    const text = progressLines("converting");
    const onProgress: ConvertOptions["onProgress"] = (progress) => status.show(text(progress));
    const calibrate = typeof options.calibrate === "string" ? await readText(options.calibrate) : options.calibrate;
    const lora = options.lora?.map((each) => ({ ...each, alpha: options.loraAlpha })) ?? [];
    const choice = { lora, weights, vocab: vocab === false ? null : vocab, groupNormEps, size, calibrate };
    const converted = await convertModel(modelSource(source), target, { ...choice, signal, onProgress }).finally(() => {
      status.clear();
    });
    if (json) await printJson(converted);
    else if (!quiet) note(summary(target, converted));
  });
}

async function readText(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause) => {
    throw new WkvError("not-found", `${path} cannot be read: check the path.`, { cause });
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
