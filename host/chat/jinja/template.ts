import { WkvError } from "../../errors.ts";
import { arrange } from "../../prompt/arrange.ts";
import { cleanAnswer, cleanText, cleanTurn, withoutMarkers, withoutSpeakers } from "../../prompt/clean.ts";
import { FORMATS } from "../../prompt/formats.ts";
import { THOUGHT } from "../marks.ts";
import { type ChatMessage, partsOf } from "../messages.ts";
import type { ChatTemplate, Prompt, PromptOptions } from "../template.ts";
import { boundedInterpreter } from "./bounds.ts";

/** Limit for the length of templates; the longest in use have about ten thousand characters. */
const MAX_LENGTH = 1 << 17;

/** The library rescans blanks before a mark from each of them. */
const MAX_BLANKS = 1000;

/** A template with tools and thoughts does about 100 units of work per message. */
const MIN_WORK = 200_000;
const WORK_A_MESSAGE = 500;

/** A file's template may be hostile: limit for the numbers returned by `range`; Jinja has none. */
const MAX_RANGE = 10_000;

/** A longer text before a colon is not a speaker's name, and a longer line no marker. */
const MAX_NAME = 200;

/** Whether a text is a Jinja template rather than a template's name. */
export function looksLikeJinja(text: string): boolean {
  return /\{[{%]/.test(text);
}

/**
 * A template in Jinja, as newer files of Hugging Face and llama.cpp carry it. Loads `@huggingface/jinja`, which nothing
 * else needs. It gets `messages`, `tools`, `add_generation_prompt`, `enable_thinking`, and `bos_token` and `eos_token`,
 * both of which become the token that ends a text. The messages are cleaned before, as for any other template. What ends
 * an answer is what the template puts after one.
 * @param name of where it is from, for messages
 * @throws WkvError `bad-file` when it is no sound template
 * @example
 * const template = await jinjaTemplate("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:");
 * const { message } = await chat(model, [{ role: "user", content: "Hello" }], { template, maxTokens: 5 }).result();
 */
export async function jinjaTemplate(source: string, name = "the chat template"): Promise<ChatTemplate> {
  if (source.length > MAX_LENGTH)
    throw unusable(name, `it has ${source.length} characters; the limit is ${MAX_LENGTH}`);
  if (new RegExp(`\\s{${MAX_BLANKS}}`).test(source)) throw unusable(name, `it has ${MAX_BLANKS} blanks in a row`);
  try {
    return new JinjaTemplate(await compile(source), name);
  } catch (error) {
    throw error instanceof WkvError ? error : unusable(name, (error as Error).message, error);
  }
}

type Render = (items: { messages: readonly unknown[] } & Record<string, unknown>) => string;

/** Jinja's globals except the current time: a prompt must not depend on when it is made. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range: boundedRange,
  raise_exception: (message: string) => {
    throw new Error(message);
  },
};

async function compile(source: string): Promise<Render> {
  const { Environment, Interpreter, parse, tokenize } = await import("@huggingface/jinja");
  const program = parse(tokenize(withEndOfText(source), { lstrip_blocks: true, trim_blocks: true }));
  return (items) => {
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...items })) environment.set(name, value);
    const most = MIN_WORK + WORK_A_MESSAGE * items.messages.length;
    return String(boundedInterpreter(Interpreter, program, environment, most).run(program).value);
  };
}

/**
 * Spellings of the end-of-text token by tokenizers of RWKV models. A template may contain one instead of `bos_token`.
 */
const END_OF_TEXT = /<\|(?:rwkv_tokenizer_end_of_text|endoftext|end_of_text)\|>|<\/?s>/g;

function withEndOfText(source: string): string {
  return source.replace(END_OF_TEXT, "\0");
}

class JinjaTemplate implements ChatTemplate {
  readonly name = "jinja";
  readonly stops: readonly string[];
  readonly thinks = true;
  readonly #render: Render;
  readonly #source: string;
  readonly #speakers: readonly string[];
  readonly #markers: readonly string[];

  constructor(render: Render, source: string) {
    this.#render = render;
    this.#source = source;
    const { stops, speakers, markers } = this.#probe();
    this.stops = stops;
    this.#speakers = [...new Set([...speakers, FORMATS.world.user, FORMATS.world.assistant, FORMATS.world.system])];
    this.#markers = markers;
  }

  prompt(messages: readonly ChatMessage[], options: PromptOptions = {}): Prompt {
    const last = messages.at(-1);
    const asked = last?.role === "assistant" ? messages.slice(0, -1) : messages;
    const clean = asked.map((message) => this.#clean(message, options));
    const history = this.#text(clean, options, false);
    const { whole, prefill } =
      last === asked.at(-1)
        ? { whole: this.#text(clean, options, true), prefill: "" }
        : this.#prefill(clean, last!, options);
    return whole.startsWith(history)
      ? { history, opening: whole.slice(history.length), prefill }
      : { history: "", opening: whole, prefill };
  }

  /** The prompt up to the end of the prefill, in the template's words. */
  #prefill(asked: readonly Record<string, unknown>[], last: ChatMessage, options: PromptOptions) {
    const answer = this.#clean(last, options);
    const content = answer.content as string;
    if (content) {
      const said = this.#text([...asked, answer], options, false);
      const at = said.lastIndexOf(content);
      if (at < 0) throw unusable(this.#source, "it changes the answer that is to be continued");
      return { whole: said.slice(0, at + content.length), prefill: content };
    }
    const opening = this.#text(asked, options, true);
    const thought = cleanAnswer(last.reasoning ?? "");
    const prefill = !thought || opening.trimEnd().endsWith(THOUGHT) ? thought : `${THOUGHT}\n${thought}`;
    return { whole: opening + prefill, prefill };
  }

  #clean(message: ChatMessage, options: PromptOptions): Record<string, unknown> {
    const isAnswer = message.role === "assistant";
    const parts = partsOf(message).map(cleanText);
    const text = message.role === "user" ? arrange(parts, options) : parts.join("\n");
    const clean = (isAnswer ? cleanAnswer : cleanTurn)(text);
    const content = withoutMarkers(withoutSpeakers(clean, this.#speakers), this.#markers);
    const { role, tool_calls, tool_call_id } = message;
    return {
      role,
      content,
      ...(tool_calls && { tool_calls: allClean(tool_calls.map(withParsedArguments)) }),
      ...(tool_call_id !== undefined && { tool_call_id: allClean(tool_call_id) }),
    };
  }

  #text(messages: readonly Record<string, unknown>[], options: PromptOptions, answer: boolean): string {
    const { think, tools = [], toolChoice } = options;
    try {
      return this.#render({
        messages,
        ...(tools.length > 0 && toolChoice !== "none" ? { tools: allClean(tools) } : {}),
        ...(think === undefined ? {} : { enable_thinking: think !== "off" && think !== "fake" }),
        add_generation_prompt: answer,
        bos_token: "\0",
        eos_token: "\0",
      });
    } catch (error) {
      throw unusable(this.#source, (error as Error).message, error);
    }
  }

  /** What the template puts between an answer and the next message, the speakers' names, and lines that begin turns. */
  #probe(): { stops: string[]; speakers: string[]; markers: string[] } {
    const [question, answer, next] = ["QUESTION-7f3a", "ANSWER-7f3a", "NEXT-7f3a"] as const;
    const messages = [
      { role: "user", content: question },
      { role: "assistant", content: answer },
      { role: "user", content: next },
    ];
    const text = this.#text(messages, {}, false);
    const [before = "", after = ""] = [between(text, question, answer), between(text, answer, next)];
    const separators = [before, after, this.#beforeSystem()];
    return { stops: stopsOf(after), speakers: separators.flatMap(speakerOf), markers: separators.flatMap(markerOf) };
  }

  /** What the template puts before a system message; nothing if it takes none. */
  #beforeSystem(): string {
    const said = "SYSTEM-7f3a";
    const messages = [
      { role: "system", content: said },
      { role: "user", content: "QUESTION-7f3a" },
    ];
    try {
      const text = this.#text(messages, {}, false);
      return text.slice(0, Math.max(0, text.indexOf(said)));
    } catch {
      return "";
    }
  }
}

function between(text: string, from: string, to: string): string | undefined {
  const start = text.indexOf(from) + from.length;
  const end = text.indexOf(to, start);
  return start < from.length || end < 0 ? undefined : text.slice(start, end);
}

/**
 * An empty line and what follows it, or the rest of the line: `"\n\nUser:"`, `"<|im_end|>"`. None if it starts with
 * "\0".
 */
function stopsOf(after: string): string[] {
  if (after.startsWith("\0")) return [];
  const stop = after.startsWith("\n") ? after.split("\0", 1)[0]!.trimEnd() : after.split(/[\n\0]/, 1)[0]!;
  return stop.trim() ? [stop] : ["\n\n"];
}

/** The name before the colon at the end. Without regular expressions that look for a beginning: the text may be long. */
function speakerOf(separator: string): string[] {
  const text = separator.trimEnd();
  if (!/[:：]$/.test(text)) return [];
  const [label] = text
    .slice(0, -1)
    .split(/[\n\0:：]/)
    .slice(-1);
  const name = label?.trim() ?? "";
  return name && name.length <= MAX_NAME ? [name] : [];
}

/** The last line before a text that begins on the next one. */
function markerOf(separator: string): string[] {
  const text = separator.trimEnd();
  if (!separator.slice(text.length).includes("\n")) return [];
  const marker = text
    .split(/[\n\0]/)
    .at(-1)!
    .trim();
  return marker && marker.length <= MAX_NAME ? [marker] : [];
}

/** Templates expect arguments as a mapping; OpenAI's format has them as JSON text. */
function withParsedArguments(call: NonNullable<ChatMessage["tool_calls"]>[number]) {
  const { function: called } = call;
  try {
    return { ...call, function: { ...called, arguments: JSON.parse(called.arguments) } };
  } catch {
    return call;
  }
}

/** The same JSON with all texts in it cleaned: only the template itself may write "\0", the end of text. */
function allClean<T>(json: T): T {
  return JSON.parse(JSON.stringify(json), (_, value) => (typeof value === "string" ? cleanText(value) : value));
}

function boundedRange(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= MAX_RANGE)) throw new RangeError(`range(${from}, ${to}, ${step}) has more than ${MAX_RANGE} numbers`);
  return Array.from({ length }, (_, i) => from + i * step);
}

function unusable(name: string, reason: string, cause?: unknown): WkvError {
  return new WkvError("bad-file", `${name} cannot be used (${reason}): name another as "template", such as "world".`, {
    cause,
  });
}
