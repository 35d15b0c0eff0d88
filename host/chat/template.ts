import { checkNames, kindOf } from "../options/names.ts";
import { checkText } from "../options/values.ts";
import { ARRANGEMENT_OPTIONS, type Arrangement, arrange } from "../prompt/arrange.ts";
import { cleanAnswer, cleanText, cleanTurn, withoutSpeakers } from "../prompt/clean.ts";
import type { SpeakerFormat } from "../prompt/formats.ts";
import type { Preset } from "../sampling/index.ts";
import { beginningAtEnd } from "../session/stop-filter.ts";
import { FENCE, THOUGHT, THOUGHT_END } from "./marks.ts";
import { type ChatMessage, partsOf, type Tool, type ToolChoice } from "./messages.ts";
import { callable, describeTools, RESULT, writeCalls } from "./tools.ts";

/**
 * How much a G1 model thinks before it answers. `off`: not at all. `fake`: the prompt already contains an empty
 * `<think></think>`, which is as fast and often better. `on`: it thinks. `a bit`, `a lot`: the user's message says so
 * too.
 */
export type ThinkMode = "off" | "fake" | "on" | "a bit" | "a lot";

export const THINK_MODES: readonly ThinkMode[] = ["off", "fake", "on", "a bit", "a lot"];

/** What a prompt is made from, besides the messages. */
export interface PromptOptions extends Arrangement {
  think?: ThinkMode | undefined;
  tools?: readonly Tool[] | undefined;
  /** Default "auto". With "none" the tools are not mentioned. */
  toolChoice?: ToolChoice | undefined;
}

export const PROMPT_OPTIONS = {
  ...ARRANGEMENT_OPTIONS,
  think: true,
  tools: true,
  toolChoice: true,
} as const satisfies Record<keyof PromptOptions, true>;

/** A prompt in two parts. "\0" in either is the end-of-text token. */
export interface Prompt {
  /** The messages so far: later prompts begin with this too. */
  readonly history: string;
  /** What asks for the answer, and whatever is worded differently only for now. */
  readonly opening: string;
  /** If the last message is an answer to be continued: its text, with which the opening ends. */
  readonly prefill?: string;
}

/** How messages become text in the model's format. Implement this for a model with a different format. */
export interface ChatTemplate {
  readonly name: string;
  /** Texts before which an answer ends. The end-of-text token always ends it. */
  readonly stops: readonly string[];
  /** Whether answers may begin with a thought in `<think>` and `</think>`. */
  readonly thinks: boolean;
  /** Sampler settings, unless specified otherwise. */
  readonly preset?: Preset;
  /** The last message is a user's or a tool's, or an answer to be continued. */
  prompt(messages: readonly ChatMessage[], options?: PromptOptions): Prompt;
}

/**
 * A template whose turns are `Name: text` with an empty line between them.
 * @example
 * const format = { name: "qa", system: undefined, user: "Q", assistant: "A", stops: ["\n\n"], thinks: false };
 * console.log(speakerTemplate(format).prompt([{ role: "user", content: "Why?" }]));
 */
export function speakerTemplate(format: SpeakerFormat): ChatTemplate {
  checkFormat(format);
  const writer = new Writer(format);
  const { name, stops, thinks, preset } = format;
  return {
    name,
    stops,
    thinks,
    ...(preset && { preset }),
    prompt: (messages, options = {}) => writer.prompt(messages, options),
  };
}

const FORMAT = {
  name: true,
  user: true,
  assistant: true,
  system: true,
  stops: true,
  thinks: true,
  preset: true,
  startsWithEnd: true,
} as const satisfies Record<keyof SpeakerFormat, true>;

function checkFormat(format: SpeakerFormat): void {
  checkNames(format, FORMAT, "speakerTemplate");
  for (const name of ["user", "assistant"] as const) checkText(format[name], name);
  if (format.system !== undefined) checkText(format.system, "system");
  if (!Array.isArray(format.stops))
    throw new TypeError(`"stops" expected an array of texts, got ${kindOf(format.stops)}`);
  for (const stop of format.stops) checkText(stop, "stops");
}

class Writer {
  readonly #format: SpeakerFormat;
  readonly #names: readonly string[];

  constructor(format: SpeakerFormat) {
    this.#format = format;
    this.#names = speakersOf(format);
  }

  prompt(messages: readonly ChatMessage[], options: PromptOptions): Prompt {
    const { think = "off", tools = [], toolChoice } = options;
    const { required } = callable(tools, toolChoice);
    const mode = this.#format.thinks && !required ? think : "off";
    const last = messages.at(-1);
    const prefill = last?.role === "assistant" ? this.#prefill(last, mode) : "";
    const asked = last?.role === "assistant" ? messages.slice(0, -1) : messages;
    // "(think a bit)" is added to the last message only while it is being answered.
    const suffix = mode.startsWith("a ") && asked.at(-1)?.role === "user" ? ` (think ${mode})` : "";
    const kept = suffix ? asked.slice(0, -1) : asked;
    const start = this.#format.startsWithEnd ? "\0" : "";
    const turns = kept.map((each) => this.#turn(each, options));
    const answered = asked.slice(kept.length).map((each) => this.#turn(each, options, suffix));
    const described = toolChoice === "none" ? "" : describe(tools, required);
    return {
      history: start + this.#beginning(turns, kept, described),
      opening: answered.join("") + (prefill ? `${this.#format.assistant}:${prefill}` : this.#opening(mode, required)),
      prefill,
    };
  }

  /** All turns; the description of tools ends the system message, or is one. */
  #beginning(turns: readonly string[], messages: readonly ChatMessage[], tools: string): string {
    if (!tools) return turns.join("");
    const { system } = this.#format;
    if (messages[0]?.role !== "system") return this.#said(system, tools) + turns.join("");
    return this.#said(system, `${this.#turnText(partsOf(messages[0]))}\n${tools}`) + turns.slice(1).join("");
  }

  #turn(message: ChatMessage, options: Arrangement, suffix = ""): string {
    const { user, assistant, system } = this.#format;
    if (message.role === "assistant") return this.#said(assistant, this.#answer(message));
    if (message.role === "tool") return this.#said(user, this.#result(message));
    if (message.role === "system") return this.#said(system, this.#turnText(partsOf(message)));
    return this.#said(user, this.#turnText([arrange(partsOf(message).map(cleanText), options)]) + suffix);
  }

  #turnText(parts: readonly string[]): string {
    return withoutSpeakers(cleanTurn(parts.join("\n")), this.#names);
  }

  #result(message: ChatMessage): string {
    const text = this.#turnText(partsOf(message));
    return `${RESULT}:${text && "\n"}${text}`;
  }

  /** If an empty line ends an answer, the answer may not contain one. */
  #answer(message: ChatMessage): string {
    const clean = this.#format.stops.includes("\n\n") ? cleanTurn : cleanAnswer;
    const text = withoutSpeakers(clean(partsOf(message).join("\n")), this.#names);
    return [text, ...(message.tool_calls?.length ? [writeCalls(message.tool_calls)] : [])].filter(Boolean).join("\n");
  }

  /** The text after "Assistant:" of an answer that is continued: its thought and its text. */
  #prefill(message: ChatMessage, mode: ThinkMode): string {
    const text = this.#withoutBegunStop(this.#answer(message));
    const { reasoning = "" } = this.#format.thinks ? message : {};
    const thought = withoutSpeakers(cleanAnswer(reasoning), this.#names);
    if (!thought && (!text || mode !== "fake")) return text && ` ${text}`;
    const opened = ` ${THOUGHT}\n${thought}`;
    return text ? `${opened}${thought && "\n"}${THOUGHT_END}\n${text}` : opened;
  }

  /** An answer that was cut may end with the beginning of the next turn, which the model would complete. */
  #withoutBegunStop(text: string): string {
    const begun = this.#format.stops.map((stop) => beginningAtEnd(text, stop));
    return cleanAnswer(text.slice(0, text.length - Math.max(0, ...begun)));
  }

  #said(name: string | undefined, text: string): string {
    return `${name ? `${name}:${text && " "}` : ""}${text}\n\n`;
  }

  /** No space at the end: it is part of the answer's first token. The last ">" is the model's too. */
  #opening(mode: ThinkMode, isForced: boolean): string {
    const thought = mode === "off" ? "" : mode === "fake" ? " <think>\n</think" : " <think";
    return `${this.#format.assistant}:${isForced ? ` ${FENCE}` : thought}`;
  }
}

function describe(tools: readonly Tool[], required: boolean): string {
  return tools.length > 0 ? cleanTurn(describeTools(tools, required)) : "";
}

/** The speakers' names, and what else may not begin a line of a message. */
function speakersOf({ user, assistant, system }: SpeakerFormat): string[] {
  return [user, assistant, ...(system ? [system] : []), RESULT];
}
