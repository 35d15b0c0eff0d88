import { WkvError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { checkNames, only } from "../options/names.ts";
import type { StopReason } from "../session/generate.ts";
import { GENERATE_OPTIONS, type GenerateOptions } from "../session/session.ts";
import { rate } from "../session/usage.ts";
import type { AnswerReader } from "./answer.ts";
import { checkAnswerable, checkCalls, checkOptions } from "./checks.ts";
import { chooseTemplate } from "./choose.ts";
import { constraintOf, readerOf } from "./guide.ts";
import { type ChatMessage, checkMessages, plainMessages, type TextPart } from "./messages.ts";
import { ANSWER_OPTIONS, type AnswerOptions, CHAT_OPTIONS, type ChatInput, type ChatOptions } from "./options.ts";
import { readSaved, writeSaved } from "./saved.ts";
import { Answer, answerMessage, type ChatPiece, type ChatResult, Fold } from "./stream.ts";
import type { ChatTemplate, Prompt } from "./template.ts";
import { readCalls } from "./tools.ts";
import { Track } from "./track.ts";

/**
 * Answers a conversation once: `for await (const piece of chat(model, messages))`, or `await chat(...).result()`.
 * Whoever goes on talking takes {@link createChat}, which reads only what is new.
 * @param messages in OpenAI's shape; where the last one is an answer, it is continued, and what is given is new of it
 * @throws TypeError or RangeError naming the argument that is wrong; while reading, what `session.generate` throws
 */
export function chat(model: Model, messages: readonly ChatMessage[], options: ChatOptions = {}): Answer {
  checkNames(options, CHAT_OPTIONS, "chat");
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
 * @throws WkvError `bad-file` when the file's Jinja template cannot be used; TypeError, RangeError
 */
export async function createChat(model: Model, options: ChatOptions = {}): Promise<Chat> {
  checkNames(options, CHAT_OPTIONS, "createChat");
  const { template, system, messages = [], ...answerOptions } = options;
  checkMessages(messages);
  checkOptions(answerOptions);
  const chosen = await chooseTemplate(model, template);
  const start: ChatMessage[] = system === undefined ? [] : [{ role: "system", content: system }];
  return new Chat(model, chosen, answerOptions, [...start, ...messages]);
}

/**
 * The conversation that `chat.save()` wrote.
 * @param options as for `createChat`; the template is the saved one unless another is given
 * @throws WkvError `bad-state` for bytes that are no saved chat
 */
export async function loadChat(
  model: Model,
  saved: Uint8Array,
  options: Omit<ChatOptions, "system" | "messages"> = {},
): Promise<Chat> {
  checkNames(options, CHAT_OPTIONS, "loadChat");
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

/** A conversation with a model. One answer at a time: another call while one is read is a WkvError `busy`. */
export class Chat {
  readonly model: Model;
  readonly template: ChatTemplate;
  /** Why the saved state was not taken, though the messages were: they will be read anew. */
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

  /** What the system says first; undefined when it says nothing. Another text makes the next turn read all of it anew. */
  get system(): string | undefined {
    const [first] = this.#messages;
    return first?.role === "system" && typeof first.content === "string" ? first.content : undefined;
  }

  set system(text: string | undefined) {
    this.#checkIdle();
    const start: ChatMessage[] = text === undefined ? [] : [{ role: "system", content: text }];
    this.#messages.splice(0, this.#messages[0]?.role === "system" ? 1 : 0, ...start);
  }

  /** Says something and gives the answer. Nothing happens until the answer is read. */
  send(said: ChatInput, options: AnswerOptions = {}): Answer {
    const messages = asMessages(said);
    checkAnswerable(messages);
    return this.#answer(options, () => this.#messages.push(...messages));
  }

  /** Answers the messages as they stand, such as after `edit()`. Where the last one is an answer, it is continued. */
  answer(options: AnswerOptions = {}): Answer {
    return this.#answer(options, () => checkAnswerable(this.#messages));
  }

  /** Takes the last answer back and gives another one. With a seed it is the same again. */
  regenerate(options: AnswerOptions = {}): Answer {
    return this.#answer(options, () => {
      const end = this.#messages.findLastIndex(({ role }) => role !== "assistant") + 1;
      checkAnswerable(this.#messages.slice(0, end));
      this.#messages.length = end;
    });
  }

  /** Replaces a message and forgets what came after it; `answer()` then goes on from there. */
  edit(index: number, content: string): void {
    this.#checkIdle();
    const message = this.#messages[index];
    if (!message) throw new RangeError(`"index" expected 0 to ${this.#messages.length - 1}, got ${index}`);
    if (typeof content !== "string") throw new TypeError(`"content" expected a text, got ${typeof content}`);
    const { reasoning: _, tool_calls: __, ...rest } = message;
    this.#messages.splice(index, Infinity, { ...rest, content });
  }

  /** Another conversation with the same past. */
  fork(): Chat {
    this.#checkIdle();
    return new Chat(this.model, this.template, this.#options, this.#messages, this.#track.fork());
  }

  /** Messages and state as bytes, for `loadChat` in any program on any machine. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#exclusively(async () => {
      const next: ChatMessage = { role: "user", content: "" };
      const { history } = this.template.prompt([...this.#messages, next], this.#options);
      const read = await this.#track.save(history);
      return writeSaved({ messages: this.#messages, template: this.template.name, ...read });
    });
  }

  /** Gives the memory of the states back; the messages stay. */
  dispose(): void {
    this.#track.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #answer(options: AnswerOptions, prepare: () => void): Answer {
    checkNames(options, ANSWER_OPTIONS, "an answer");
    const given = { ...this.#options, ...options };
    // Mirostat takes the place of what presets set.
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
      // What was said is said, also when it was cut short.
      if (reader) this.#say(fold.result(), reader);
      this.#busy = false;
    }
  }

  #prompt(options: AnswerOptions): Prompt {
    const prompt = this.template.prompt(this.#messages, options);
    if (this.#messages.at(-1)?.role === "assistant" && prompt.begun === undefined)
      throw new TypeError(
        `"template" expected one that gives "begun", to continue an answer, got "${this.template.name}"`,
      );
    return prompt;
  }

  /** Takes an answer into the messages, as what it is with its beginning. */
  #say({ message: { content, reasoning = "", tool_calls }, stop }: ChatResult, { begun }: AnswerReader): void {
    if (!(content || reasoning || tool_calls) && !(stop && begun.text)) return;
    const message = answerMessage(begun.text + (content ?? ""), begun.thinking + reasoning, tool_calls);
    const last = this.#messages.at(-1);
    if (last?.role === "assistant") this.#messages.splice(-1, 1, { ...last, ...message });
    else this.#messages.push(message);
  }

  async *#pieces(prompt: Prompt, reader: AnswerReader, options: AnswerOptions): AsyncGenerator<ChatPiece, void, void> {
    const constraint = await constraintOf(this.model.tokenizer, this.template, reader, prompt.begun ?? "", options);
    const started = performance.now();
    const promptTokens = await this.#track.advance(prompt, options.signal);
    const promptTokensPerSecond = rate({ tokens: promptTokens, seconds: (performance.now() - started) / 1000 });
    for await (const { text, stop, usage, ...more } of this.#generate({ ...options, constraint })) {
      const piece = { ...more, ...reader.push(text) };
      if (!stop) yield piece;
      // The session read nothing for this generation: the prompt was fed before.
      else yield { ...this.#last(piece, stop, reader), usage: { ...usage!, promptTokens, promptTokensPerSecond } };
    }
  }

  /** The last piece, with what was held back until it was certain. */
  #last(piece: ChatPiece, stop: StopReason, reader: AnswerReader): ChatPiece {
    const toolCalls = reader.call ? readCalls(reader.call, this.#callsSoFar()) : undefined;
    const { text, thinking } = reader.end(toolCalls !== undefined);
    const whole = { ...piece, text: piece.text + text, thinking: piece.thinking + thinking };
    return toolCalls ? { ...whole, stop: "tool_calls", toolCalls } : { ...whole, stop };
  }

  /** The model's text, each token of which the track takes note of. */
  async *#generate(options: AnswerOptions) {
    const { session } = this.#track;
    const decoder = this.model.tokenizer.stream();
    const stop = [...this.template.stops, ...(options.stop ?? [])];
    try {
      for await (const { complete: _, ...piece } of session.generate([], {
        ...only<GenerateOptions>(options, GENERATE_OPTIONS),
        stop,
      })) {
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
      throw new WkvError(
        "busy",
        "The chat is still answering: read the answer to its end, or take a fork of the chat.",
      );
  }
}

function asMessages(said: ChatInput): readonly ChatMessage[] {
  const isParts = Array.isArray(said) && said.length > 0 && said.every((part) => "type" in part && !("role" in part));
  if (typeof said === "string" || isParts) said = { role: "user", content: said as string | readonly TextPart[] };
  const messages = (Array.isArray(said) ? said : [said]) as readonly ChatMessage[];
  checkMessages(messages);
  return plainMessages(messages);
}
