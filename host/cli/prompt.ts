import { buffer } from "node:stream/consumers";
import type { Model } from "../model/model.ts";
import { type Arrangement, arrangePrompt } from "../prompt/arrange.ts";
import { textBytes } from "../source/text.ts";
import { UsageError } from "./failure.ts";
import { unescaped } from "./parse.ts";

/** A prompt as given: text, its bytes from standard input, or token ids. */
export type Prompt = string | Uint8Array | readonly number[];

export interface PromptOptions extends Arrangement {
  tokens?: number[];
  escapes?: boolean;
}

/** The prompt of `wkv run`: PROMPT, standard input for `-`, or the ids of `--tokens`. */
export async function readPrompt(argument: string | undefined, options: PromptOptions): Promise<Prompt> {
  const isArranged = options.questionFirst || options.readTwice;
  if (options.tokens) {
    if (isArranged) throw new UsageError("--question-first and --read-twice require a text prompt, not --tokens.");
    if (argument !== undefined) throw new UsageError("give either PROMPT or --tokens, not both.");
    return options.tokens;
  }
  if (argument === undefined)
    throw new UsageError("PROMPT is missing: give a text, - for standard input, or --tokens.");
  const given = argument === "-" ? withoutLastNewline(textBytes(await buffer(process.stdin))) : argument;
  if (isArranged) return arrangePrompt(asText(given, options), options);
  return typeof given === "string" ? asText(given, options) : given;
}

function asText(given: string | Uint8Array, { escapes }: PromptOptions): string {
  if (typeof given !== "string") return new TextDecoder().decode(given);
  return escapes ? unescaped(given) : given;
}

/** The prompt's tokens. @throws WkvError if the model has no vocabulary */
export function promptTokens(model: Model, prompt: Prompt): readonly number[] {
  const ids = typeof prompt === "string" || prompt instanceof Uint8Array ? model.tokenizer.encode(prompt) : prompt;
  if (ids.length === 0) throw new UsageError("the prompt is empty: a model needs at least one token to continue.");
  return ids;
}

/** So that `echo text | wkv run MODEL -` equals `wkv run MODEL text`. */
function withoutLastNewline(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
}
