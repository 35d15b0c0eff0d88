import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { type Command, Option } from "commander";
import { WEIGHT_FORMAT_NAMES, type WeightFormat } from "../checkpoint/weight-formats.ts";
import { WkvError } from "../errors.ts";
import { type Perplexity, perplexity } from "../measure/perplexity.ts";
import type { Model } from "../model/model.ts";
import { textBytes } from "../source/text.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interrupt.ts";
import { load } from "./load.ts";
import { addModelOptions, type ModelOptions, VOCAB_HELP } from "./options.ts";
import { print, printJson, statusLine } from "./output.ts";
import { number } from "./parse.ts";

interface PerplexityCommandOptions extends ModelOptions {
  compare?: WeightFormat;
  context?: number;
  limit?: number;
  json?: boolean;
}

const HELP = `${VOCAB_HELP}

The text is one context, with the state carried from its beginning to its end, unless --context is given. It is preceded
by the end-of-text token, if the vocabulary has one, so that the first token of the text counts too.
With --compare the model is loaded twice; the divergence is between its probabilities and those with the other weights.

Examples:
  $ wkv perplexity model.pth story.txt
  $ wkv perplexity model.pth story.txt --weights int8 --compare f32 --limit 100000
  $ wkv perplexity model.pth - --context 1024 --json < story.txt`;

export function addPerplexity(program: Command): void {
  const command = program
    .command("perplexity")
    .description("Measures how well a model predicts a text: nats per token, perplexity, bits per byte.")
    .argument("<MODEL>", "a model file")
    .argument("<FILE>", "the text; - reads it from standard input")
    .addOption(
      new Option("--compare <format>", "also measure the difference from the model with these weights").choices(
        WEIGHT_FORMAT_NAMES,
      ),
    )
    .option("--context <n>", "reset the session after this many tokens", number)
    .option("--limit <bytes>", "read at most this much of the text", number)
    .option("--json", "one JSON object");
  addModelOptions(command);
  command.addHelpText("after", HELP).action(measure);
}

async function measure(path: string, file: string, options: PerplexityCommandOptions): Promise<void> {
  const { compare, context, json, quiet } = options;
  const text = await readText(file, options.limit);
  await interruptible(async (signal) => {
    await using model = await load(path, options, signal);
    checkLength(model, text);
    await using other = compare && (await load(path, { ...options, weights: compare }, signal));
    const status = statusLine(quiet);
    const onProgress = ({ tokens, total }: { tokens: number; total: number }) =>
      status.show(`${Math.floor((100 * tokens) / total)} % of ${total} tokens`);
    try {
      const result = await perplexity(model, text, { compare: other || undefined, context, onProgress, signal });
      status.clear();
      await (json ? printJson({ model: model.info, ...result }) : print(report(result, compare)));
    } finally {
      status.clear();
    }
  });
}

/** The text's bytes, at most `limit` of them and no partial character at the end. */
async function readText(file: string, limit = Infinity): Promise<Uint8Array> {
  if (limit !== Infinity && !(Number.isInteger(limit) && limit > 0))
    throw new UsageError(`--limit expected a whole number from 1 on, got ${limit}`);
  const bytes = textBytes(file === "-" ? await buffer(process.stdin) : await readTextFile(file));
  let end = Math.min(limit, bytes.length);
  if (end < bytes.length) while (end > 0 && isInsideCharacter(bytes[end] as number)) end--;
  return bytes.subarray(0, end);
}

async function readTextFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new WkvError("not-found", `the text ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** A token is predicted from the ones before it. */
function checkLength({ tokenizer }: Model, text: Uint8Array): void {
  if (text.length === 0) throw new UsageError("the text is empty: give a text with at least two tokens.");
  if (tokenizer.endOfText === undefined && tokenizer.encode(text).length < 2)
    throw new UsageError("the text is a single token: at least two are needed.");
}

function isInsideCharacter(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function report(result: Perplexity, compare: WeightFormat | undefined): string {
  const { tokens, bytes, tokensPerSecond, compared } = result;
  const lines = [
    ["text", `${tokens} tokens, ${bytes} bytes, ${tokensPerSecond.toFixed(0)} tokens/s`],
    ["nats", `${result.natsPerToken.toFixed(4)} per token`],
    ["perplexity", result.perplexity.toFixed(3)],
    ["bits", `${result.bitsPerByte.toFixed(4)} per byte`],
  ];
  if (compared)
    lines.push(
      [`bits of ${compare}`, `${compared.bitsPerByte.toFixed(4)} per byte`],
      ["divergence", `${compared.klDivergence.toExponential(2)} nats per token`],
      ["same likeliest", `${(100 * compared.sameTop).toFixed(2)} % of the tokens`],
    );
  return lines.map(([name = "", value]) => `${name.padEnd(16)}${value}\n`).join("");
}
