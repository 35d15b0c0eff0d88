import { buffer } from "node:stream/consumers";
import type { Command } from "commander";
import { openCheckpoint, openModelFile } from "../checkpoint/open.ts";
import { WkvError } from "../errors.ts";
import { chooseTokenizer } from "../model/vocab.ts";
import { recogniseModel } from "../models/recognise.ts";
import { textBytes, textOf } from "../source/text.ts";
import { loadTokenizer } from "../tokenizer/load.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { UsageError } from "./failure.ts";
import { modelSource } from "./model-argument.ts";
import { VOCAB_HELP } from "./options.ts";
import { print, printJson, printText } from "./output.ts";
import { tokenIds } from "./parse.ts";

interface TokenizeOptions {
  vocab?: string;
  model?: string;
  decode?: string;
  json?: boolean;
}

const HELP = `${VOCAB_HELP}

Prints the ids on one line, in the format of --tokens of wkv run. With --json, in either direction, one array of
{"id","text"}; a token that ends inside a character has "bytes" instead.

Examples:
  $ wkv tokenize "Once upon a time" --model model.pth
  $ wkv tokenize - --vocab rwkv_vocab_v20230424.txt < story.txt
  $ wkv tokenize --decode 34,105,110 --vocab world`;

export function addTokenize(program: Command): void {
  program
    .command("tokenize")
    .description("Shows the token ids of a text, or the text of token ids.")
    .argument("[TEXT]", "the text; - reads it from standard input, byte for byte but for a byte-order mark")
    .option("--vocab <vocab>", 'a file, an address, "world", "pile" or "bytes"')
    .option("--model <model>", "the model whose vocabulary to use")
    .option("--decode <ids>", "print the text of these ids; - reads them from standard input")
    .option("--json", "one JSON array")
    .addHelpText("after", HELP)
    .action(tokenize);
}

async function tokenize(argument: string | undefined, options: TokenizeOptions): Promise<void> {
  const { decode, json } = options;
  if ((argument === undefined) === (decode === undefined))
    throw new UsageError("give either TEXT (- for standard input) or --decode IDS.");
  const tokenizer = await openTokenizer(options);
  const ids =
    decode !== undefined
      ? tokenIds(decode === "-" ? textOf(await buffer(process.stdin)) : decode)
      : tokenizer.encode(argument === "-" ? textBytes(await buffer(process.stdin)) : (argument as string));
  if (json) await printJson(describe(tokenizer, ids));
  else if (decode === undefined) await print(`${ids.join(",")}\n`);
  else if (process.stdout.isTTY) await printText(`${tokenizer.decode(ids)}\n`);
  else await print(tokenizer.decodeBytes(ids));
}

async function openTokenizer({ vocab, model }: TokenizeOptions): Promise<Tokenizer> {
  if (model !== undefined) return tokenizerOf(model, vocab);
  if (vocab !== undefined) return loadTokenizer(vocab);
  throw new UsageError('a vocabulary is missing: give --vocab (a file, "world", "pile" or "bytes") or --model.');
}

/** A model's tokenizer; only the header of the model is read. */
async function tokenizerOf(model: string, vocab: string | undefined): Promise<Tokenizer> {
  const file = await openModelFile(modelSource(model));
  try {
    const checkpoint = await openCheckpoint(file);
    const { shape } = recogniseModel(checkpoint, file.name);
    const tokenizer = await chooseTokenizer(vocab, { file, checkpoint, shape });
    if (tokenizer instanceof WkvError) throw tokenizer;
    return tokenizer;
  } finally {
    await file.close();
  }
}

function describe(tokenizer: Tokenizer, ids: readonly number[]) {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return ids.map((id) => {
    const bytes = tokenizer.tokenBytes(id);
    try {
      return { id, text: utf8.decode(bytes) };
    } catch {
      return { id, bytes: [...bytes] };
    }
  });
}
