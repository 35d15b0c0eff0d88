import { WkvError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { checkNames } from "../options/names.ts";
import type { AnswerReader } from "./answer.ts";
import { answerPieces } from "./answering.ts";
import { checkAnswerable, checkCalls, checkOptions } from "./checks.ts";
import { ContextTracker } from "./context-tracker.ts";
import { readerOf } from "./guide.ts";
import { type ChatMessage, checkMessages, plainMessages, type TextPart } from "./messages.ts";
import { ANSWER_OPTIONS, type AnswerOptions, type ChatInput } from "./options.ts";
import { writeSaved } from "./saved.ts";
import { Answer, answerMessage, type ChatPiece, type ChatResult, Fold } from "./stream.ts";
import type { ChatTemplate, Prompt } from "./template.ts";

/**
 * A conversation with a model. One answer at a time: a call during an answer is a WkvError `busy`.
 * @example
 * const talk = await createChat(model, { maxTokens: 5 });
 * await talk.send("Hello").result();
 * talk.edit(0, "Good morning");
 * await talk.answer().result();
 * console.log(talk.messages);
 */
export class Chat {
  readonly model: Model;
  readonly template: ChatTemplate;
  /** The reason if the saved state could not be used: the saved messages will be read again. */
  readonly stateRefused: WkvError | undefined;
  readonly #options: AnswerOptions;
  readonly #messages: ChatMessage[];
  readonly #tracker: ContextTracker;
  #busy = false;

  /** @internal Use `createChat()`. */
  constructor(
    model: Model,
    template: ChatTemplate,
    options: AnswerOptions,
    messages: readonly ChatMessage[],
    tracker: ContextTracker = new ContextTracker(model),
    stateRefused?: WkvError,
  ) {
    this.model = model;
    this.template = template;
    this.stateRefused = stateRefused;
    this.#options = options;
    this.#messages = plainMessages(messages);
    this.#tracker = tracker;
  }

  /** The conversation so far. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** The system message; undefined if there is none. After a change the next turn reads everything again. */
  get system(): string | undefined {
    const [first] = this.#messages;
    return first?.role === "system" && typeof first.content === "string" ? first.content : undefined;
  }

  set system(text: string | undefined) {
    this.#checkIdle();
    const start: ChatMessage[] = text === undefined ? [] : [{ role: "system", content: text }];
    this.#messages.splice(0, this.#messages[0]?.role === "system" ? 1 : 0, ...start);
  }

  /** Adds a user message and answers it. Nothing is computed until the answer is read. */
  send(said: ChatInput, options: AnswerOptions = {}): Answer {
    const messages = asMessages(said);
    checkAnswerable(messages);
    return this.#answer(options, () => this.#messages.push(...messages));
  }

  /** Answers the messages as they are, for example after `edit()`. If the last one is an answer, it is continued. */
  answer(options: AnswerOptions = {}): Answer {
    return this.#answer(options, () => checkAnswerable(this.#messages));
  }

  /** Removes the last answer and generates another one. The same seed gives the same answer. */
  regenerate(options: AnswerOptions = {}): Answer {
    return this.#answer(options, () => {
      const end = this.#messages.findLastIndex(({ role }) => role !== "assistant") + 1;
      checkAnswerable(this.#messages.slice(0, end));
      this.#messages.length = end;
    });
  }

  /** Replaces a message and removes those after it; continue with `answer()`. */
  edit(index: number, content: string): void {
    this.#checkIdle();
    const message = this.#messages[index];
    if (!message) throw new RangeError(`"index" expected 0 to ${this.#messages.length - 1}, got ${index}`);
    if (typeof content !== "string") throw new TypeError(`"content" expected a text, got ${typeof content}`);
    const { reasoning: _, tool_calls: __, ...rest } = message;
    this.#messages.splice(index, Infinity, { ...rest, content });
  }

  /** An independent copy of the conversation. */
  fork(): Chat {
    this.#checkIdle();
    return new Chat(this.model, this.template, this.#options, this.#messages, this.#tracker.fork());
  }

  /** Messages and state as bytes, for `loadChat` on any machine. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#exclusively(async () => {
      const next: ChatMessage = { role: "user", content: "" };
      const { history } = this.template.prompt([...this.#messages, next], this.#options);
      const read = await this.#tracker.save(history);
      return writeSaved({ messages: this.#messages, template: this.template.name, ...read });
    });
  }

  /** Frees the memory of the states; the messages stay. */
  dispose(): void {
    this.#tracker.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #answer(options: AnswerOptions, prepare: () => void): Answer {
    checkNames(options, ANSWER_OPTIONS, "an answer");
    const given = { ...this.#options, ...options };
    // Mirostat replaces options that presets set.
    const preset = given.preset ?? (given.mirostatTau === undefined ? this.template.preset : undefined);
    const merged = { ...given, preset };
    checkOptions(merged);
    checkCalls(merged);
    return new Answer(merged.signal, (signal) => this.#run({ ...merged, signal }, prepare));
  }

  async *#run(options: AnswerOptions, prepare: () => void): AsyncGenerator<ChatPiece, void, void> {
    this.#begin();
    const fold = new Fold();
    let reader: AnswerReader | undefined;
    try {
      prepare();
      const task = { model: this.model, template: this.template, prompt: this.#prompt(options), options };
      reader = readerOf(task.prompt, this.template, options);
      for await (const piece of answerPieces(task, reader, this.#tracker, this.#callsSoFar())) {
        fold.add(piece);
        yield piece;
      }
    } finally {
      // Text that was given out stays in the history, also if the answer was cut short.
      if (reader) this.#say(fold.result(), reader);
      this.#busy = false;
    }
  }

  #prompt(options: AnswerOptions): Prompt {
    const prompt = this.template.prompt(this.#messages, options);
    if (this.#messages.at(-1)?.role === "assistant" && prompt.prefill === undefined)
      throw new TypeError(
        `"template" expected one that returns "prefill", to continue an answer, got "${this.template.name}"`,
      );
    return prompt;
  }

  /** Adds an answer to the messages, joined with its prefill. */
  #say({ message: { content, reasoning = "", tool_calls }, stop }: ChatResult, { prefill }: AnswerReader): void {
    if (!(content || reasoning || tool_calls) && !(stop && prefill.text)) return;
    const message = answerMessage(prefill.text + (content ?? ""), prefill.thinking + reasoning, tool_calls);
    const last = this.#messages.at(-1);
    if (last?.role === "assistant") this.#messages.splice(-1, 1, { ...last, ...message });
    else this.#messages.push(message);
  }

  #callsSoFar(): number {
    return this.#messages.reduce((sum, { tool_calls }) => sum + (tool_calls?.length ?? 0), 0);
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#begin();
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  #begin(): void {
    this.#checkIdle();
    this.#busy = true;
  }

  #checkIdle(): void {
    if (this.#busy)
      throw new WkvError("busy", "The chat is still answering: read the answer to its end, or fork the chat.");
  }
}

function asMessages(said: ChatInput): readonly ChatMessage[] {
  const isParts = Array.isArray(said) && said.length > 0 && said.every((part) => "type" in part && !("role" in part));
  if (typeof said === "string" || isParts) said = { role: "user", content: said as string | readonly TextPart[] };
  const messages = (Array.isArray(said) ? said : [said]) as readonly ChatMessage[];
  checkMessages(messages);
  return plainMessages(messages);
}
