import { readFile } from "node:fs/promises";
import type { Chat } from "../chat/chat.ts";
import { createChat, loadChat } from "../chat/create.ts";
import { encodePrompt } from "../chat/encode.ts";
import { type ChatMessage, checkMessages, partsOf } from "../chat/messages.ts";
import type { ChatOptions } from "../chat/options.ts";
import { THINK_MODES, type ThinkMode } from "../chat/template.ts";
import { WkvError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { saveFile } from "../source/disk/write.ts";
import { textBytes } from "../source/text.ts";
import { answerTo } from "./chat-answer.ts";
import type { LineReader } from "./chat-lines.ts";
import { readSetting, SETTINGS } from "./chat-settings.ts";
import { chatOf, type Talk } from "./chat-talk.ts";
import { copyToClipboard } from "./clipboard.ts";
import { explain } from "./failure.ts";
import { note, noteList, print, printWrapped } from "./output.ts";

interface ChatCommand {
  readonly usage: string;
  readonly help: string;
  run(talk: Talk, argument: string, lines: LineReader): Promise<void> | void;
}

/** An invalid command; the chat continues. */
class CommandError extends Error {}

const COMMANDS: Readonly<Record<string, ChatCommand>> = {
  help: { usage: "/help", help: "this list", run: help },
  history: { usage: "/history", help: "the messages so far, with their numbers", run: history },
  system: { usage: "/system [TEXT]", help: "set the system message; without a text: remove it", run: system },
  think: { usage: "/think MODE", help: THINK_MODES.join(", "), run: think },
  regenerate: { usage: "/regenerate", help: "another answer instead of the last one", run: regenerate },
  continue: { usage: "/continue", help: "continue an answer that was cut off", run: continueAnswer },
  edit: {
    usage: "/edit [N] [TEXT]",
    help: "change message N (default: your last one) and answer again",
    run: edit,
  },
  fork: { usage: "/fork [NAME]", help: "continue in a copy of the chat; without a name: list them", run: fork },
  switch: { usage: "/switch NAME", help: "switch to another copy (the first one is main)", run: switchTo },
  save: { usage: "/save FILE", help: "messages and state; a FILE.json has only the messages", run: save },
  load: { usage: "/load FILE", help: "continue a saved chat", run: loadFrom },
  reset: { usage: "/reset", help: "remove all messages except the system message", run: reset },
  clear: { usage: "/clear", help: "the same, and clear the screen", run: clear },
  undo: { usage: "/undo", help: "remove your last message and its answer", run: undo },
  set: { usage: "/set [NAME VALUE]", help: "change an option, such as temperature 0.5; alone: list them", run: set },
  info: { usage: "/info", help: "the model, the format, the settings", run: info },
  tokens: { usage: "/tokens", help: "how many tokens the conversation has", run: tokens },
  copy: { usage: "/copy", help: "put the last answer on the clipboard", run: copy },
  exit: { usage: "/exit, /quit", help: "leave", run: exit },
};
const ALIASES: Readonly<Record<string, string>> = { quit: "exit" };

export const COMMAND_NAMES: readonly string[] = [...Object.keys(COMMANDS), ...Object.keys(ALIASES)];

export function isCommand(line: string): boolean {
  return /^\/[^/]/.test(line);
}

/** Runs `/NAME ARGUMENT`. Errors are printed, and the chat continues. @throws Interrupted */
export async function runCommand(line: string, talk: Talk, lines: LineReader): Promise<void> {
  const [, name = "", argument = ""] = /^\/(\S*)\s*(.*)$/s.exec(line) ?? [];
  const known = ALIASES[name] ?? name;
  const command = Object.hasOwn(COMMANDS, known) ? COMMANDS[known] : undefined;
  try {
    if (!command) throw new CommandError(`/${name} is not a command: /help lists them.`);
    await command.run(talk, argument.trim(), lines);
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof WkvError)) throw error;
    note(error.message);
  }
}

function help(): void {
  noteList(Object.values(COMMANDS).map(({ usage, help: text }) => [usage, text]));
}

async function history(talk: Talk): Promise<void> {
  for (const [i, message] of chatOf(talk).messages.entries())
    await printWrapped(`${i} ${message.role}: ${partsOf(message).join("\n")}\n`);
}

function system(talk: Talk, text: string): void {
  chatOf(talk).system = text || undefined;
}

function think(talk: Talk, mode: string): void {
  if (!THINK_MODES.includes(mode as ThinkMode))
    throw new CommandError(`/think is ${talk.think ?? "off"}; it can be ${THINK_MODES.join(", ")}.`);
  if (!chatOf(talk).template.thinks)
    throw new CommandError(`The "${chatOf(talk).template.name}" template does not support thinking.`);
  talk.think = mode as ThinkMode;
}

function regenerate(talk: Talk): Promise<void> {
  if (!chatOf(talk).messages.some(({ role }) => role === "user"))
    throw new CommandError("/regenerate: there is no message yet.");
  return answerTo(talk, (chat, options) => chat.regenerate(options));
}

function continueAnswer(talk: Talk): Promise<void> {
  if (chatOf(talk).messages.at(-1)?.role !== "assistant")
    throw new CommandError("/continue: there is no answer to continue.");
  return answerTo(talk, (chat, options) => chat.answer(options));
}

async function edit(talk: Talk, argument: string, lines: LineReader): Promise<void> {
  const { messages } = chatOf(talk);
  const [, number, given = ""] = /^(\d+)?\s*(.*)$/s.exec(argument)!;
  const index = number === undefined ? messages.findLastIndex(({ role }) => role === "user") : Number(number);
  const message: ChatMessage | undefined = messages[index];
  if (!message) throw new CommandError(`/edit: there is no message ${number ?? "of yours yet"}; /history lists them.`);
  const text = given || (lines.isTerminal ? (await lines.next(partsOf(message).join("\n")))?.text : undefined);
  if (!text) throw new CommandError("/edit: the text is missing.");
  chatOf(talk).edit(index, text);
  if (message.role === "user") await answerTo(talk, (chat, options) => chat.answer(options));
}

function fork(talk: Talk, name: string): void {
  if (!name) {
    note(`chats: ${[...talk.chats.keys()].join(", ")}; now in ${talk.current}`);
    return;
  }
  if (talk.chats.has(name))
    throw new CommandError(`/fork: the chat ${name} already exists; /switch ${name} switches to it.`);
  talk.chats.set(name, chatOf(talk).fork());
  talk.current = name;
}

function switchTo(talk: Talk, name: string): void {
  if (!talk.chats.has(name)) throw new CommandError(`/switch: there is no chat ${name}; /fork lists them.`);
  talk.current = name;
}

async function save(talk: Talk, path: string): Promise<void> {
  if (!path) throw new CommandError("/save: the file is missing.");
  const chat = chatOf(talk);
  const json = () => new TextEncoder().encode(`${JSON.stringify(chat.messages, null, 2)}\n`);
  const bytes = path.endsWith(".json") ? json() : await chat.save();
  await saveFile(path, [bytes], bytes.length);
  note(`saved ${chat.messages.length} messages to ${path}`);
}

async function loadFrom(talk: Talk, path: string): Promise<void> {
  if (!path) throw new CommandError("/load: the file is missing.");
  const before = chatOf(talk);
  const loaded = await talkFrom(before.model, path, { template: before.template });
  replace(talk, loaded);
  note(`${loaded.messages.length} messages from ${path}`);
}

async function reset(talk: Talk): Promise<void> {
  const { model, template, system: text } = chatOf(talk);
  const { questionFirst, readTwice } = talk.options;
  replace(talk, await createChat(model, { template, system: text, questionFirst, readTwice }));
}

async function clear(talk: Talk): Promise<void> {
  await reset(talk);
  if (process.stdout.isTTY) await print("\x1b[2J\x1b[3J\x1b[H");
}

async function undo(talk: Talk): Promise<void> {
  const { model, template, messages } = chatOf(talk);
  const last = messages.findLastIndex(({ role }) => role === "user");
  if (last < 0) throw new CommandError("/undo: there is no message of yours yet.");
  const { questionFirst, readTwice } = talk.options;
  replace(talk, await createChat(model, { template, messages: messages.slice(0, last), questionFirst, readTwice }));
  note(`${last} messages left`);
}

function set(talk: Talk, given: string): void {
  try {
    if (!given) listSettings(talk);
    else talk.options = { ...talk.options, ...readSetting(given) };
  } catch (error) {
    const { code, message } = explain(error);
    if (code !== "usage") throw error;
    throw new CommandError(`/set: ${message.replaceAll("--", "")}`);
  }
}

function listSettings(talk: Talk): void {
  const changed = changedSettings(talk);
  const others = SETTINGS.filter((name) => !changed.some(([each]) => each === name));
  noteList([...changed, ["default", others.join(", ")]]);
}

/** The settings that have a value, and the value. */
function changedSettings({ options }: Talk): [name: string, value: string][] {
  return SETTINGS.flatMap((name) => {
    const value = options[name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as keyof typeof options];
    return value === undefined ? [] : [[name, JSON.stringify(value)]];
  });
}

function info(talk: Talk): void {
  const { model, template, messages } = chatOf(talk);
  const { version, name, layers, width, weights, threads, bytes } = model.info;
  note(`RWKV-${version}, ${name}: ${layers} layers of ${width}, ${weights}, ${(bytes / 1e6).toFixed(1)} MB`);
  note(`${threads} threads; format "${template.name}"; think ${talk.think ?? "off"}; ${messages.length} messages`);
  noteList(changedSettings(talk));
}

function tokens(talk: Talk): void {
  const { model, template, messages } = chatOf(talk);
  const { history } = template.prompt([...messages, { role: "user", content: "" }]);
  note(`${encodePrompt(model.tokenizer, history).length} tokens; the state has a constant size, so there is no limit`);
}

async function copy(talk: Talk): Promise<void> {
  const answer = chatOf(talk).messages.findLast(({ role }) => role === "assistant");
  if (!answer) throw new CommandError("/copy: there is no answer yet.");
  if (!(await copyToClipboard(partsOf(answer).join("\n"))))
    throw new CommandError("/copy: no clipboard tool found: install wl-clipboard, xclip or xsel.");
  note("copied");
}

function exit(talk: Talk): void {
  talk.isOver = true;
}

function replace(talk: Talk, chat: Chat): void {
  chatOf(talk).dispose();
  talk.chats.set(talk.current, chat);
}

const LIST = "[".charCodeAt(0);

/** A saved chat, or a JSON array of messages. @throws WkvError `not-found`, `bad-state` */
export async function talkFrom(model: Model, path: string, options: ChatOptions): Promise<Chat> {
  const bytes = await readFile(path).catch((cause) => {
    throw new WkvError("not-found", `${path} cannot be read: check the path.`, { cause });
  });
  const text = textBytes(bytes);
  if (text[0] === LIST) return createChat(model, { ...options, system: undefined, messages: messagesIn(text, path) });
  const { system: _, messages: __, ...rest } = options;
  const chat = await loadChat(model, bytes, rest);
  if (chat.stateRefused) note(`${chat.stateRefused.message} The messages are read again.`);
  return chat;
}

function messagesIn(bytes: Uint8Array, path: string): readonly ChatMessage[] {
  try {
    const messages: unknown = JSON.parse(new TextDecoder().decode(bytes));
    checkMessages(messages);
    return messages;
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new WkvError("bad-state", `${path} has no messages (${reason}): give a file written by /save.`, { cause });
  }
}
