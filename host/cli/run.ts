import type { Command } from "commander";
import type { Model } from "../model/model.ts";
import type { Session } from "../session/session.ts";
import { BEGINNING } from "./bundled.ts";
import { addConstraintOptions, type ConstraintOptions, readConstraint } from "./constraint.ts";
import { defaultModel } from "./default-model.ts";
import { Interrupted, UsageError } from "./failure.ts";
import { interruptible } from "./interrupt.ts";
import { load } from "./load.ts";
import { namesModel } from "./model-argument.ts";
import { addModelOptions, addTextOptions, type ModelOptions, type TextOptions, VOCAB_HELP } from "./options.ts";
import { print, printJson } from "./output.ts";
import { number, tokenIds } from "./parse.ts";
import { type Prompt, promptTokens, readPrompt } from "./prompt.ts";
import { addStateOptions, checkStateOut, hasRead, openSession, type StateOptions, saveSession } from "./state.ts";
import { checkTextOptions, streamText } from "./text.ts";

interface RunOptions extends ModelOptions, TextOptions, ConstraintOptions, StateOptions {
  tokens?: number[];
  questionFirst?: boolean;
  readTwice?: boolean;
  logits?: boolean;
  logprobs?: boolean | number;
  json?: boolean;
  state?: string;
}

const HELP = `${VOCAB_HELP}

The text goes to standard output and ends with a newline, everything else goes to standard error. A newline at the end
of standard input is ignored.
With --json each piece is a line {"text","token","logprob"?,"topLogprobs"?}, and the last line is a summary:
{"reason","complete"?,"read","made","seed"?,"readPerSecond","madePerSecond"}. The reason is "end" (the model ended the
text), "stop" (a --stop text occurred), "length" (--max-tokens), "complete" (--schema, --regex or --choice allows no
more text) or "interrupted" (Ctrl-C). With one of these three options, "complete" says whether the text satisfies it.

Examples:
  $ wkv run "Once upon a time"
  $ wkv run model.pth "Once upon a time"
  $ wkv run model.pth -e "User: Why is the sky blue?\\n\\nAssistant:" --stop "\\n\\n"
  $ wkv run model.pth - < story.txt
  $ wkv run model.pth -e "User: Why is the sky blue?\\n\\nAssistant:" --preset chat --stop "\\n\\n"
  $ wkv run model.pth "1 + 1 =" --temperature 0 --max-tokens 4 --json
  $ wkv run model.pth "Once upon a time" --state-out story.state
  $ wkv run model.pth --state story.state --state-out story.state
  $ wkv run model.pth "User: Hi!" --state tuned.pth --lora lora.pth:0.8 --lora-alpha 64
  $ wkv run model.pth "Is water wet?" --choice " yes" --choice " no"
  $ wkv run model.pth "A person:" --schema '{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}'
  $ wkv run model.pth --tokens 34,105,110 --logits --json`;

export function addRun(program: Command): void {
  const command = program
    .command("run")
    .description("Generates text after a prompt.")
    .argument(
      "[MODEL]",
      "a .pth, .safetensors, .gguf or .bin file, or a folder with one; or a name that wkv list has; default: box",
    )
    .argument("[PROMPT]", "the beginning of the text; - reads it from standard input")
    .option("--tokens <ids>", "token ids instead of PROMPT, such as 34,105,110", tokenIds)
    .option("--question-first", "put the question at the end of PROMPT before its material")
    .option("--read-twice", "read a PROMPT of material and a question twice")
    .option("--logits", "print the logits after the last token, one per id, and generate no text")
    .option(
      "--logprobs [n]",
      "with --json: each token's log-probability, and the n likeliest tokens with theirs",
      number,
    )
    .option("--json", "JSON, one object per line; with --logits one array");
  addStateOptions(command);
  addTextOptions(command);
  addConstraintOptions(command);
  addModelOptions(command);
  command.addHelpText("after", HELP).action(run);
}

async function run(first: string | undefined, second: string | undefined, options: RunOptions): Promise<void> {
  const isPrompt = first !== undefined && second === undefined && !options.tokens && !namesModel(first);
  const [path, argument] = isPrompt ? [undefined, first] : [first, second];
  checkTextOptions(options);
  if (options.logprobs && !options.json) throw new UsageError("--logprobs requires --json.");
  const source = path ?? (await defaultModel());
  if (!source) throw new UsageError('MODEL is missing: wkv run MODEL "Once upon a time"');
  const beginning = path || options.tokens ? argument : (argument ?? BEGINNING);
  const constraint = await readConstraint(options);
  const goesOn = options.state !== undefined && !options.tokens && argument === undefined;
  const prompt = goesOn ? undefined : await readPrompt(beginning, options);
  await checkStateOut(options);
  await interruptible(async (signal) => {
    await using model = await load(source, options, signal);
    const session = await openSession(model, options);
    const ids = await tokensToRead(model, session, prompt);
    try {
      if (options.logits) await printLogits(session, ids, options, signal);
      else await streamText(session, ids, { ...options, constraint }, signal);
    } catch (error) {
      if (error instanceof Interrupted) await saveSession(session, options);
      throw error;
    }
    await saveSession(session, options);
  });
}

/** @param prompt undefined: none, the session continues where it was saved */
async function tokensToRead(model: Model, session: Session, prompt: Prompt | undefined): Promise<readonly number[]> {
  if (prompt !== undefined) return promptTokens(model, prompt);
  if (!(await hasRead(session)))
    throw new UsageError("PROMPT is missing: the session in --state has read nothing yet.");
  return [];
}

async function printLogits(session: Session, ids: readonly number[], { json }: RunOptions, signal: AbortSignal) {
  const logits = Array.from(await session.feed(ids, { signal }));
  await (json ? printJson(logits) : print(`${logits.join("\n")}\n`));
}
