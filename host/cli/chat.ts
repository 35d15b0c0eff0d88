import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { Chat } from "../chat/chat.ts";
import { createChat } from "../chat/create.ts";
import type { ChatOptions } from "../chat/options.ts";
import { THINK_MODES } from "../chat/template.ts";
import { templateIn } from "../model/template.ts";
import { isTemplateName } from "../prompt/formats.ts";
import { bundledModel } from "../source/disk/bundled.ts";
import { textOf } from "../source/text.ts";
import { answerTo } from "./chat-answer.ts";
import { COMMAND_NAMES, isCommand, runCommand, talkFrom } from "./chat-commands.ts";
import { complete } from "./chat-complete.ts";
import { addToHistory, readHistory } from "./chat-history.ts";
import { type LineReader, type Message, pipedLines, terminalLines } from "./chat-lines.ts";
import { type ChatCommandOptions, MAX_TOKENS, type Talk } from "./chat-talk.ts";
import { defaultModel } from "./default-model.ts";
import { Interrupted, UsageError } from "./failure.ts";
import { interruptible } from "./interrupt.ts";
import { load } from "./load.ts";
import { addModelOptions, addTextOptions, VOCAB_HELP } from "./options.ts";
import { note } from "./output.ts";
import { unescaped } from "./parse.ts";
import { checkTextOptions } from "./text.ts";

/** What to expect of the bundled model. */
const BOX_CAN = "a very small model: give it facts in simple sentences and ask about them; it knows nothing else.";

const HELP = `${VOCAB_HELP}

A line is a message, and so is a pasted text of several lines. A line that ends with \\ continues on the next one; all lines
between two lines of """ are one message. A line that begins with / is a command: /help lists them, Tab completes them. What
you type during an answer is kept for the next message. Ctrl-C stops an answer; Ctrl-D, /exit, or Ctrl-C twice on an empty
line exit. Earlier messages are in the cache folder (chat-history) for the arrow keys, unless --no-history is given.
Without a terminal every line of standard input is a message; answers go to standard output, thoughts to standard error.
With --json each piece is a line {"text","thinking","token"}, and the last one of an answer also has "stop" and "usage".

Examples:
  $ wkv chat model.pth --system "You are brief."
  $ wkv chat rwkv7-g1.pth --think "a bit"
  $ echo "Why is the sky blue?" | wkv chat model.pth --json`;

export function addChat(program: Command): void {
  const command = program
    .command("chat")
    .description("Chat with a model.")
    .argument("[MODEL]", "a model file; default: box, which is bundled")
    .option("--system <text>", "the system message")
    .option(
      "--template <name>",
      'the format: "raven", "world", "g1", or a file with a Jinja template; default: by the model',
    )
    .option("--think <mode>", `how a G1 model thinks: ${THINK_MODES.join(", ")}; default: off`)
    .option("--load <file>", "continue a saved chat")
    .option("--question-first", "put the question of a message before its material")
    .option("--read-twice", "read a message with material twice")
    .option("--no-history", "neither read nor write the history of messages")
    .option("--json", "JSON, one object per line");
  addTextOptions(command, MAX_TOKENS);
  addModelOptions(command);
  command.addHelpText("after", HELP).action(chat);
}

async function chat(path: string | undefined, options: ChatCommandOptions): Promise<void> {
  checkTextOptions(options);
  if (options.think && !THINK_MODES.includes(options.think))
    throw new UsageError(`--think expected ${THINK_MODES.join(", ")}, got "${options.think}".`);
  const source = path ?? (await defaultModel());
  if (!source) throw new UsageError("MODEL is missing: wkv chat MODEL");
  const chatOptions = await chatOptionsOf(options);
  await using model = await interruptible((signal) => load(source, options, signal));
  const first = options.load ? await talkFrom(model, options.load, chatOptions) : await createChat(model, chatOptions);
  const chats = new Map([["main", first]]);
  const talk: Talk = { options, chats, current: "main", think: options.think, answers: 0, isOver: false };
  const lines = await openLines(talk);
  if (lines.isTerminal && !options.quiet) greet(first, source);
  const stay = () => {}; // Ctrl-C between an answer and the next line
  if (lines.isTerminal) process.on("SIGINT", stay);
  try {
    await converse(talk, lines);
  } finally {
    process.off("SIGINT", stay);
    lines.close();
    for (const each of chats.values()) each.dispose();
  }
}

/** The options of a chat; the rest are for its answers. */
async function chatOptionsOf(options: ChatCommandOptions): Promise<ChatOptions> {
  const { system, template, questionFirst, readTwice } = options;
  const isFile = template !== undefined && !isTemplateName(template) && template !== "rwkv-world";
  return {
    system: options.escapes && system ? unescaped(system) : system,
    template: isFile ? await readTemplate(template) : template,
    questionFirst,
    readTwice,
  };
}

/** A Jinja file, or a tokenizer_config.json with a template in it. */
async function readTemplate(path: string): Promise<string> {
  const file = await readFile(path).catch(() => {
    throw new UsageError(`--template expected raven, world, g1 or a file, and there is no file ${path}.`);
  });
  const text = textOf(file);
  if (!path.endsWith(".json")) return text;
  const template = templateIn(text);
  if (template === undefined) throw new UsageError(`--template: ${path} has no chat_template.`);
  return template;
}

async function openLines(talk: Talk): Promise<LineReader> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return pipedLines();
  return terminalLines({
    history: talk.options.history === false ? [] : await readHistory(),
    complete: (line) => complete(line, COMMAND_NAMES, talk.chats.keys()),
    onInterrupt: () => note("Ctrl-C again, Ctrl-D or /exit leaves."),
  });
}

function greet({ model, template }: Chat, source: string): void {
  note(`RWKV-${model.info.version}, ${model.info.name}; format "${template.name}".`);
  note("/help lists the commands; Ctrl-D, /exit, or Ctrl-C twice leave.");
  if (isBundled(source)) note(BOX_CAN);
}

/** Whether MODEL is the bundled model, by its name or path. */
function isBundled(source: string): boolean {
  return source === "box" || resolve(source) === bundledModel("box");
}

async function converse(talk: Talk, lines: LineReader): Promise<void> {
  for (let said = await lines.next(); said !== undefined; said = talk.isOver ? undefined : await lines.next()) {
    if (lines.isTerminal && talk.options.history !== false && said.text.trim()) await addToHistory(said.text);
    try {
      await take(said, talk, lines);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      if (!talk.options.quiet) note("Ctrl-C ended the answer; /continue continues it.");
    }
  }
}

async function take({ text, isVerbatim }: Message, talk: Talk, lines: LineReader): Promise<void> {
  if (!isVerbatim && isCommand(text)) return runCommand(text, talk, lines);
  if (text.trim() === "") return;
  await answerTo(talk, (chat, options) => chat.send(isVerbatim ? text : asText(text), options));
}

/** "//" begins a message that begins with "/". */
function asText(line: string): string {
  return line.startsWith("//") ? line.slice(1) : line;
}
