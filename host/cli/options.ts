import { type Command, Option } from "commander";
import { quotedFormats, type WeightFormat } from "../checkpoint/weight-formats.ts";
import type { Simd } from "../engine/platform.ts";
import type { TokenizerSource } from "../tokenizer/load.ts";
import { number } from "./parse.ts";
import { addSamplingOptions, type SamplingOptions } from "./sampling.ts";

/** Options for loading a model. */
export interface ModelOptions {
  vocab?: TokenizerSource | null;
  weights?: WeightFormat;
  activations?: "int8";
  threads?: number;
  simd?: Simd;
  embedding?: "memory" | "source";
  groupNormEps?: number;
  lora?: { source: string; scale?: number }[];
  loraAlpha?: number;
  quiet?: boolean;
}

export const ACTIVATIONS_HELP = 'round inputs of int8 matrices to 8 bits: "int8"; faster with relaxed SIMD, less exact';
export const WEIGHTS_HELP = `how matrices are kept in memory: ${quotedFormats()}`;

/** Options for generating a text. */
export interface TextOptions extends SamplingOptions {
  maxTokens?: number;
  stop?: string[];
  draft?: "lookup" | "none";
  escapes?: boolean;
}

export function addModelOptions(command: Command): Command {
  return command
    .option("--vocab <vocab>", 'the vocabulary: a file, an address, "world", "pile" or "bytes"; default: see below')
    .option("--weights <format>", WEIGHTS_HELP)
    .option("--activations <format>", ACTIVATIONS_HELP)
    .option("--threads <n>", "threads that compute; default: the cores, at most 4", number)
    .option("--embedding <place>", '"memory", or "source": in the file, of which a row is read when its token comes')
    .option("--simd <build>", 'which build of the kernels: "plain" or "relaxed"; the bits are the same')
    .option("--group-norm-eps <x>", "epsilon of the group norm in RWKV-5 to 7, if it is not 64e-5", number)
    .option("--lora <file[:scale]>", "merge a LoRA while loading; may be given several times", loraFile)
    .option("--lora-alpha <n>", "its trainer's lora_alpha: adds scale · alpha / rank; default: the rank", number)
    .option("-q, --quiet", "no progress and no summary");
}

/** @param maxTokens what the command takes by default */
export function addTextOptions(command: Command, maxTokens = 256): Command {
  command
    .option("-n, --max-tokens <n>", `maximum tokens to generate; default: ${maxTokens}`, number)
    .option("--stop <text>", "end before this text; may be given several times", collect)
    .addOption(
      new Option(
        "--draft <kind>",
        '"lookup": read ahead what followed an earlier occurrence; the text is the same; default: lookup',
      ).choices(["lookup", "none"]),
    )
    .option("-e, --escapes", "read \\n, \\t and \\\\ in PROMPT, --stop and --guidance-prompt as in C");
  return addSamplingOptions(command);
}

/** On unless it is refused: one session writes, and no text was slower. */
export function draftOf({ draft = "lookup" }: TextOptions): "lookup" | undefined {
  return draft === "none" ? undefined : draft;
}

export const VOCAB_HELP = `
The vocabulary is --vocab, else the one in the model's file, else a file next to the model (MODEL.vocab.txt, vocab.txt,
rwkv_vocab_v20230424.txt, tokenizer.json), else inferred from its size: "world" and "pile" are downloaded once.`;

/** `FILE` or `FILE:0.5`; other colons, as in addresses and Windows paths, belong to the file name. */
export function loraFile(
  text: string,
  before: NonNullable<ModelOptions["lora"]> = [],
): NonNullable<ModelOptions["lora"]> {
  const [, source, scale] = /^(.+):([-+]?[\d.]+(?:e[-+]?\d+)?)$/i.exec(text) ?? [];
  if (source === undefined) return [...before, { source: text }];
  return [...before, { source, scale: number(scale as string) }];
}

/** All values of a repeatable option. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}
