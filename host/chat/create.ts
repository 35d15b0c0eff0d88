import { WkvError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { checkNames } from "../options/names.ts";
import { checkModel } from "../options/values.ts";
import { Chat } from "./chat.ts";
import { checkAnswerable, checkCalls, checkOptions } from "./checks.ts";
import { chooseTemplate } from "./choose.ts";
import { ContextTracker } from "./context-tracker.ts";
import { type ChatMessage, checkMessages } from "./messages.ts";
import { CHAT_OPTIONS, type ChatOptions } from "./options.ts";
import { readSaved } from "./saved.ts";
import { Answer, type ChatPiece } from "./stream.ts";

/**
 * Answers a conversation once: `for await (const piece of chat(model, messages))`, or `await chat(...).result()`.
 * For a conversation of several turns use {@link createChat}, which reads only what is new.
 * @param messages in OpenAI's format; if the last one is an answer, it is continued, and only the new part is returned
 * @throws TypeError or RangeError naming the wrong argument; while reading, the errors of `session.generate`
 * @example
 * const messages = [{ role: "user", content: "Why is the sky blue?" }];
 * for await (const { text } of chat(model, messages, { maxTokens: 5 })) console.log(text);
 */
export function chat(model: Model, messages: readonly ChatMessage[], options: ChatOptions = {}): Answer {
  checkModel(model);
  checkNames(options, CHAT_OPTIONS, "chat");
  checkMessages(messages);
  checkAnswerable(messages);
  checkOptions(options);
  checkCalls(options);
  return new Answer(options.signal, (signal) => answerOnce(model, { ...options, messages, signal }));
}

async function* answerOnce(model: Model, options: ChatOptions): AsyncGenerator<ChatPiece, void, void> {
  const once = await createChat(model, options);
  try {
    yield* once.answer();
  } finally {
    once.dispose();
  }
}

/**
 * A conversation that keeps its state: each turn reads only what is new.
 * @throws WkvError `bad-file` if the file's Jinja template cannot be used; TypeError, RangeError
 * @example
 * const talk = await createChat(model, { system: "Be brief.", maxTokens: 5 });
 * const { message, stop } = await talk.send("Hello").result();
 * console.log(message.content, stop);
 * talk.dispose();
 */
export async function createChat(model: Model, options: ChatOptions = {}): Promise<Chat> {
  checkModel(model);
  checkNames(options, CHAT_OPTIONS, "createChat");
  const { template, system, messages = [], ...answerOptions } = options;
  checkMessages(messages);
  checkOptions(answerOptions);
  const chosen = await chooseTemplate(model, template);
  const start: ChatMessage[] = system === undefined ? [] : [{ role: "system", content: system }];
  return new Chat(model, chosen, answerOptions, [...start, ...messages]);
}

/**
 * Restores a conversation from `chat.save()`.
 * @param options as for `createChat`; the template is the saved one unless another is given
 * @throws WkvError `bad-state` for anything but a saved chat
 * @example
 * const talk = await createChat(model, { maxTokens: 5 });
 * await talk.send("Hello").result();
 * const later = await loadChat(model, await talk.save(), { maxTokens: 5 });
 * await later.send("And then?").result();
 */
export async function loadChat(
  model: Model,
  saved: Uint8Array,
  options: Omit<ChatOptions, "system" | "messages"> = {},
): Promise<Chat> {
  checkModel(model);
  checkNames(options, CHAT_OPTIONS, "loadChat");
  const { messages, template, text, state } = readSaved(saved);
  const { template: wanted = template, ...answerOptions } = options;
  checkOptions(answerOptions);
  const chosen = await chooseTemplate(model, wanted);
  try {
    const session = state && model.createSession(state);
    return new Chat(model, chosen, answerOptions, messages, session && new ContextTracker(model, session, text));
  } catch (error) {
    if (!(error instanceof WkvError && error.code === "bad-state")) throw error;
    return new Chat(model, chosen, answerOptions, messages, new ContextTracker(model), error);
  }
}
