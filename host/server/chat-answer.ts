import { checkAnswerable, checkCalls, checkOptions } from "../chat/checks.ts";
import { ContextTracker } from "../chat/context-tracker.ts";
import {
  Chat,
  type ChatMessage,
  type ChatOptions,
  type ChatPiece,
  type ChatTemplate,
  encodePrompt,
  type Prompt,
} from "../chat/index.ts";
import { readSaved } from "../chat/saved.ts";
import type { Model } from "../model/model.ts";
import type { ChatTask } from "./chat-request.ts";
import { merge } from "./merge.ts";
import type { ServedModel } from "./models.ts";
import type { StoredState } from "./states.ts";

/** Events while a request is answered. */
export type ChatEvent =
  | { readonly kind: "read"; readonly read: PromptRead }
  | { readonly kind: "piece"; readonly index: number; readonly piece: ChatPiece };

/** How a prompt was read: `cached` of its tokens were already part of a state. */
export interface PromptRead {
  readonly tokens: number;
  readonly cached: number;
  readonly seconds: number;
}

/** A conversation, and what the session has read of it. */
interface Start {
  readonly template: ChatTemplate;
  readonly messages: readonly ChatMessage[];
  readonly tracker: ContextTracker;
}

/** A validated request, before anything is computed. */
export interface PreparedChat {
  /** Reads the prompt once and generates all answers in the same passes over the weights. */
  answer(signal: AbortSignal): AsyncGenerator<ChatEvent, void, void>;
  /** The first answer's conversation, as bytes, once it is complete. */
  save(): Promise<Uint8Array>;
  dispose(): void;
}

/**
 * @param saved the state that the request names
 * @throws TypeError, RangeError or WkvError about the request
 */
export async function prepareChat(served: ServedModel, task: ChatTask, saved?: StoredState): Promise<PreparedChat> {
  const { model } = served;
  const { template, messages, tracker } = await startOf(served, task, saved);
  const first = new Chat(model, template, {}, messages, tracker);
  const chats = [first];
  const dispose = () => {
    for (const chat of chats) chat.dispose();
  };
  try {
    const prompt = promptOf(template, messages, task.options);
    return {
      async *answer(signal) {
        yield { kind: "read", read: await readPrompt(model, tracker, prompt, signal) };
        while (chats.length < task.texts) chats.push(first.fork());
        yield* merge(chats.map((chat, index) => pieces(chat, index, task.options, signal)));
      },
      save: () => first.save(),
      dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function startOf(served: ServedModel, task: ChatTask, saved: StoredState | undefined): Promise<Start> {
  const { model } = served;
  const template = await served.template();
  if (saved?.kind !== "chat") {
    const session = saved && model.createSession({ initialState: saved.bytes });
    return { template, messages: task.messages, tracker: new ContextTracker(model, session) };
  }
  const { messages, text, state } = readSaved(saved.bytes);
  return {
    template,
    messages: [...messages, ...task.messages.filter((each) => !isKnown(each, messages))],
    tracker: state ? new ContextTracker(model, model.createSession(state), text) : new ContextTracker(model),
  };
}

/** Clients send what the system says with every request. */
function isKnown({ role, content }: ChatMessage, messages: readonly ChatMessage[]): boolean {
  return role === "system" && messages.some((each) => each.role === "system" && each.content === content);
}

function promptOf(template: ChatTemplate, messages: readonly ChatMessage[], options: ChatOptions): Prompt {
  checkAnswerable(messages);
  checkOptions(options);
  checkCalls(options);
  return template.prompt(messages, options);
}

async function readPrompt(
  model: Model,
  tracker: ContextTracker,
  prompt: Prompt,
  signal: AbortSignal,
): Promise<PromptRead> {
  const tokens = encodePrompt(model.tokenizer, prompt.history + prompt.opening).length;
  const started = performance.now();
  const fed = await tracker.sync(prompt, signal);
  return { tokens, cached: Math.max(0, tokens - fed), seconds: (performance.now() - started) / 1000 };
}

/**
 * Reads a conversation that will be continued later.
 * @returns the bytes of `chat.save()`
 */
export async function readConversation(
  served: ServedModel,
  messages: readonly ChatMessage[],
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { model } = served;
  const template = await served.template();
  const tracker = new ContextTracker(model);
  using chat = new Chat(model, template, {}, messages, tracker);
  await tracker.sync({ history: commonHistory(template, messages), opening: "" }, signal);
  return await chat.save();
}

/** The lines of a prompt that are the same whatever the user says next. */
function commonHistory(template: ChatTemplate, messages: readonly ChatMessage[]): string {
  const [one, other] = ["a", "b"].map((content) => template.prompt([...messages, { role: "user", content }]).history);
  let common = 0;
  while (common < one!.length && one![common] === other![common]) common++;
  return one!.slice(0, one!.lastIndexOf("\n", common - 1) + 1);
}

async function* pieces(
  chat: Chat,
  index: number,
  options: ChatOptions,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent, void, void> {
  const seed = options.seed === undefined ? undefined : options.seed + index;
  for await (const piece of chat.answer({ ...options, seed, signal })) yield { kind: "piece", index, piece };
}
