import { type Command, InvalidArgumentError } from "commander";
import type { WeightFormat } from "../plan.ts";
import type { TokenizerSource } from "../tokenizer/load.ts";

/** How a model is loaded. */
export interface ModelOptions {
  vocab?: TokenizerSource | null;
  weights?: WeightFormat;
  threads?: number;
  groupNormEps?: number;
  quiet?: boolean;
}

/** How a text is made. */
export interface TextOptions {
  maxTokens?: number;
  temperature?: number;
  topP?: number;
  topK?: number;
  seed?: number;
  stop?: string[];
  escapes?: boolean;
}

export function addModelOptions(command: Command): Command {
  return command
    .option("--vocab <vocab>", 'the vocabulary: a file, an address, "world", "pile" or "bytes"; default: see below')
    .option("--weights <format>", 'how matrices are kept in memory: "int8" or "f32"')
    .option("--threads <n>", "threads that compute; default: the cores, at most 4", number)
    .option("--group-norm-eps <x>", "epsilon of the group norm in RWKV-5 to 7, where it is not 64e-5", number)
    .option("-q, --quiet", "no progress and no summary");
}

export function addTextOptions(command: Command): Command {
  return command
    .option("-n, --max-tokens <n>", "most tokens to make; default: 256", number)
    .option("-t, --temperature <x>", "0: always the likeliest token; above 1: more surprising; default: 1", number)
    .option("--top-p <x>", "keep the likeliest tokens of this probability together; default: 0.5", number)
    .option("--top-k <n>", "keep at most so many tokens; default: no limit", number)
    .option("--seed <n>", "the same seed gives the same text on every machine; default: a random one", number)
    .option("--stop <text>", "end before this text; may be given several times", collect)
    .option("-e, --escapes", "read \\n, \\t and \\\\ in PROMPT and --stop as in C");
}

export const VOCAB_HELP = `
The vocabulary is taken from --vocab, else from a file beside the model (MODEL.vocab.txt, vocab.txt,
rwkv_vocab_v20230424.txt, tokenizer.json), else by the model's size: "world" and "pile" are downloaded once.`;

/** The library says which range it expects, and names the option. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw new InvalidArgumentError(`Expected a number, got "${text}".`);
  return value;
}

/** `34,105,110` or `34 105 110`. */
export function tokenIds(text: string): number[] {
  const ids = text.split(/[\s,]+/).filter((id) => id !== "");
  const wrong = ids.find((id) => !/^\d{1,10}$/.test(id));
  if (wrong !== undefined || ids.length === 0)
    throw new InvalidArgumentError(`Expected token ids such as 34,105,110, got "${wrong ?? text}".`);
  return ids.map(Number);
}

/** Every value of an option that may be given several times. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", "\\": "\\" };

/** What `--escapes` stands for; other backslashes stay as they are. */
export function unescaped(text: string): string {
  return text.replace(/\\([nrt\\])/g, (_, letter: string) => ESCAPES[letter] as string);
}
