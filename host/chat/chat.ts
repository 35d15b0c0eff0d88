import { WkvError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import type { StopReason } from "../session/generate.ts";
import type { GenerateOptions } from "../session/session.ts";
import { rate } from "../session/usage.ts";
import { AnswerReader } from "./answer.ts";
import { checkAnswerable, checkCalls, checkOptions } from "./checks.ts";
import { chooseTemplate } from "./choose.ts";
import type { AnswerStart } from "./marks.ts";
import { type ChatMessage, checkMessages, plainMessages, type TextPart } from "./messages.ts";
import type { AnswerOptions, ChatInput, ChatOptions } from "./options.ts";
import { readSaved, writeSaved } from "./saved.ts";
import { Answer, answerMessage, type ChatPiece, type ChatResult, Fold } from "./stream.ts";
import type { ChatTemplate, Prompt } from "./template.ts";
import { callable, readCalls } from "./tools.ts";
import { Track } from "./track.ts";

/**
 * Answers a conversation once: `for await (const piece of chat(model, messages))`, or `await chat(...).result()`.
 * For a conversation of several turns use {@link createChat}, which reads only what is new.
 * @param messages in OpenAI's format; if the last one is an answer, it is continued, and only the new part is returned
 * @throws TypeError or RangeError naming the wrong argument; while reading, the errors of `session.generate`
 */
export function chat(model: Model, messages: readonly ChatMessage[], options: ChatOptions = {}): Answer {
  checkMessages(messages);
  checkAnswerable(messages);
  checkOptions(options);
  checkCalls(options);
  return new Answer(answerOnce(model, { ...options, messages }));
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
 */
export async function createChat(model: Model, options: ChatOptions = {}): Promise<Chat> {
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
 */
export async function loadChat(
  model: Model,
  saved: Uint8Array,
  options: Omit<ChatOptions, "system" | "messages"> = {},
): Promise<Chat> {
  const { messages, template, text, state } = readSaved(saved);
  const { template: wanted = template, ...answerOptions } = options;
  checkOptions(answerOptions);
  const chosen = await chooseTemplate(model, wanted);
  try {
    const track = state ? new Track(model, model.createSession(state), text) : new Track(model);
    return new Chat(model, chosen, answerOptions, messages, track);
  } catch (error) {
    if (!(error instanceof WkvError && error.code === "bad-state")) throw error;
    return new Chat(model, chosen, answerOptions, messages, new Track(model), error);
  }
}

/** A conversation with a model. One answer at a time: a call during an answer is a WkvError `busy`. */
export class Chat {
  readonly model: Model;
  readonly template: ChatTemplate;
  /** The reason if the saved state could not be used: the saved messages will be read again. */
  readonly stateRefused: WkvError | undefined;
  readonly #options: AnswerOptions;
  readonly #messages: ChatMessage[];
  readonly #track: Track;
  #busy = false;

  /** @internal Use `createChat()`. */
  constructor(
    model: Model,
    template: ChatTemplate,
    options: AnswerOptions,
    messages: readonly ChatMessage[],
    track: Track = new Track(model),
    stateRefused?: WkvError,
  ) {
    this.model = model;
    this.template = template;
    this.stateRefused = stateRefused;
    this.#options = options;
    this.#messages = plainMessages(messages);
    this.#track = track;
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
    return new Chat(this.model, this.template, this.#options, this.#messages, this.#track.fork());
  }

  /** Messages and state as bytes, for `loadChat` on any machine. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#exclusively(async () => {
      const next: ChatMessage = { role: "user", content: "" };
      const { history } = this.template.prompt([...this.#messages, next], this.#options);
      const read = await this.#track.save(history);
      return writeSaved({ messages: this.#messages, template: this.template.name, ...read });
    });
  }

  /** Frees the memory of the states; the messages stay. */
  dispose(): void {
    this.#track.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #answer(options: AnswerOptions, prepare: () => void): Answer {
    const given = { ...this.#options, ...options };
    // Mirostat replaces options that presets set.
    const preset = given.preset ?? (given.mirostatTau === undefined ? this.template.preset : undefined);
    const merged = { ...given, preset };
    checkOptions(merged);
    checkCalls(merged);
    return new Answer(this.#run(merged, prepare));
  }

  async *#run(options: AnswerOptions, prepare: () => void): AsyncGenerator<ChatPiece, void, void> {
    this.#begin();
    const fold = new Fold();
    let reader: AnswerReader | undefined;
    try {
      prepare();
      const prompt = this.#prompt(options);
      reader = readerOf(prompt, this.template, options);
      for await (const piece of this.#pieces(prompt, reader, options)) {
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
    if (this.#messages.at(-1)?.role === "assistant" && prompt.begun === undefined)
      throw new TypeError(
        `"template" expected one that returns "begun", to continue an answer, got "${this.template.name}"`,
      );
    return prompt;
  }

  /** Adds an answer to the messages, joined with its prefill. */
  #say({ message: { content, reasoning = "", tool_calls }, stop }: ChatResult, { begun }: AnswerReader): void {
    if (!(content || reasoning || tool_calls) && !(stop && begun.text)) return;
    const message = answerMessage(begun.text + (content ?? ""), begun.thinking + reasoning, tool_calls);
    const last = this.#messages.at(-1);
    if (last?.role === "assistant") this.#messages.splice(-1, 1, { ...last, ...message });
    else this.#messages.push(message);
  }

  async *#pieces(prompt: Prompt, reader: AnswerReader, options: AnswerOptions): AsyncGenerator<ChatPiece, void, void> {
    const constraint = await this.#constraint(reader.at, prompt.begun ?? "", options);
    const started = performance.now();
    const promptTokens = await this.#track.advance(prompt, options.signal);
    const promptTokensPerSecond = rate({ tokens: promptTokens, seconds: (performance.now() - started) / 1000 });
    for await (const { text, stop, usage, ...more } of this.#generate({ ...options, constraint })) {
      const piece = { ...more, ...reader.push(text) };
      if (!stop) yield piece;
      // This generation fed nothing: the prompt was fed before.
      else yield { ...this.#last(piece, stop, reader), usage: { ...usage!, promptTokens, promptTokensPerSecond } };
    }
  }

  /** The constraint for calls of the tools, after the prefill. */
  async #constraint(at: AnswerStart, begun: string, options: AnswerOptions): Promise<GenerateOptions["constraint"]> {
    const { tools, required, one } = callable(options.tools, options.toolChoice);
    if (tools.length === 0) return options.constraint;
    const { answerConstraint } = await import("./calls.ts");
    const { thinks } = this.template;
    return answerConstraint(this.model.tokenizer, { tools, at, thinks, required, one }, begun);
  }

  /** The last piece, with the text that was held back until it was certain. */
  #last(piece: ChatPiece, stop: StopReason, reader: AnswerReader): ChatPiece {
    const toolCalls = reader.call ? readCalls(reader.call, this.#callsSoFar()) : undefined;
    const { text, thinking } = reader.end(toolCalls !== undefined);
    const whole = { ...piece, text: piece.text + text, thinking: piece.thinking + thinking };
    return toolCalls ? { ...whole, stop: "tool_calls", toolCalls } : { ...whole, stop };
  }

  /** The model's text; each token is recorded by the context tracker. */
  async *#generate(options: AnswerOptions) {
    const { session } = this.#track;
    const decoder = this.model.tokenizer.stream();
    const stop = [...this.template.stops, ...(options.stop ?? [])];
    try {
      for await (const { complete: _, ...piece } of session.generate([], { ...options, stop })) {
        if (piece.stop !== "end") this.#track.wrote(decoder.push(piece.token)); // that token was not taken in
        yield piece;
      }
    } finally {
      this.#track.wrote(decoder.flush());
    }
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

function readerOf({ opening, begun = "" }: Prompt, { thinks }: ChatTemplate, options: AnswerOptions): AnswerReader {
  const calls = callable(options.tools, options.toolChoice).tools.length > 0;
  return new AnswerReader(opening.slice(0, opening.length - begun.length), { thinks, calls }, begun);
}
