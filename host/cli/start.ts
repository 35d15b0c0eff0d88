import type { Command } from "commander";
import { chat } from "../chat/create.ts";
import type { Model } from "../model/model.ts";
import { BEGINNING, bundledPath } from "./bundled.ts";
import { interruptible } from "./interrupt.ts";
import { load } from "./load.ts";
import { addModelOptions, addTextOptions, type ModelOptions, type TextOptions, VOCAB_HELP } from "./options.ts";
import { note, print, printText } from "./output.ts";
import { promptTokens, readPrompt } from "./prompt.ts";
import { syntheticModel } from "./synthetic.ts";
import { checkTextOptions, streamText } from "./text.ts";

interface StartOptions extends ModelOptions, TextOptions {
  random?: boolean;
}

/** Large enough to be read from memory rather than from a cache, small enough to be generated quickly. */
const RANDOM_SHAPE = { layers: 6, width: 512, headSize: 64, vocabSize: 96 };

/** What comes after the tale: a passage of facts and a question about one of them. */
const PASSAGE =
  "The lantern belongs to Rosa. Otto lives near the mill. The code of the tower is 4721. The grey fox is called Fritz.";
const QUESTION = "What is the code of the tower?";

const HELP = `${VOCAB_HELP}

Examples:
  $ wkv start
  $ wkv start model.pth "Once upon a time"
  $ wkv start --random`;

export function addStart(program: Command): void {
  const command = program
    .command("start")
    .description("Writes a story and answers a question with the bundled model (what `npm start` runs).")
    .argument("[MODEL]", "a model file; default: the bundled one, else random weights")
    .argument("[PROMPT]", "the beginning of the text", BEGINNING)
    .option("--random", "use random weights even though a model is bundled");
  addTextOptions(command);
  addModelOptions(command);
  command.addHelpText("after", HELP).action(start);
}

async function start(argument: string | undefined, beginning: string, options: StartOptions): Promise<void> {
  checkTextOptions(options);
  const path = argument ?? (options.random ? undefined : bundledPath());
  const prompt = await readPrompt(beginning, options);
  await interruptible(async (signal) => {
    await using model = path ? await load(path, options, signal) : await loadRandom(options, signal);
    note(`${path ?? "a model with random weights"}: ${describe(model)}`);
    const ids = promptTokens(model, prompt);
    await printText(model.tokenizer.decode(ids));
    await streamText(model.createSession(), ids, options, signal);
    if (path && !argument) await askAbout(model, signal);
    sayWhatNext(path);
  });
}

/** The bundled model answers a question about a passage. */
async function askAbout(model: Model, signal: AbortSignal): Promise<void> {
  note("a passage, a question about it, and the model's answer:");
  const content = `${PASSAGE}\n${QUESTION}`;
  await print(`${content}\n`);
  const { message } = await chat(model, [{ role: "user", content }], {
    temperature: 0,
    maxTokens: 40,
    signal,
  }).result();
  await printText(`${message.content}\n`);
}

function describe({ info }: Model): string {
  const { version, layers, width, bytes, threads } = info;
  return `RWKV-${version}, ${layers} layers of width ${width}, ${(bytes / 1e6).toFixed(1)} MB of weights, ${threads} threads`;
}

function loadRandom(options: StartOptions, signal: AbortSignal): Promise<Model> {
  return load(syntheticModel(RANDOM_SHAPE), { vocab: printable(), ...options }, signal);
}

/** A vocabulary of keyboard characters, so that noise can be printed: a file with one symbol per line. */
function printable(): Uint8Array {
  const symbols = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i).replace("\\", "\\\\"));
  return new TextEncoder().encode(["\\n", "\\s", ...symbols].join("\n"));
}

function sayWhatNext(path: string | undefined): void {
  if (!path) note("the weights are random, so the text is noise; a trained model of this shape is as fast.");
  note(`next: npm start -- ${path ?? "MODEL"} "The king had three daughters", npx wkv chat, or npx wkv --help`);
}
