import { GENERATE_OPTIONS, type GenerateOptions } from "../session/session.ts";
import type { ChatMessage, TextPart } from "./messages.ts";
import { type ChatTemplate, PROMPT_OPTIONS, type PromptOptions } from "./template.ts";

/**
 * How an answer is made: as in `generate`. `stop` comes on top of what ends an answer of the template, and `preset` is by
 * default the template's.
 */
export interface AnswerOptions extends GenerateOptions, PromptOptions {}

export const ANSWER_OPTIONS = { ...GENERATE_OPTIONS, ...PROMPT_OPTIONS } as const satisfies Record<
  keyof AnswerOptions,
  true
>;

export interface ChatOptions extends AnswerOptions {
  /** A name ("raven", "world", "g1"), a Jinja template, or an object. Default: what the model's file says. */
  template?: string | ChatTemplate | undefined;
  /** What the system says first. */
  system?: string | undefined;
  /** A conversation to go on with. */
  messages?: readonly ChatMessage[] | undefined;
}

export const CHAT_OPTIONS = {
  ...ANSWER_OPTIONS,
  template: true,
  system: true,
  messages: true,
} as const satisfies Record<keyof ChatOptions, true>;

/** What a user says: text, material and question as parts, or messages such as the results of tools. */
export type ChatInput = string | readonly TextPart[] | ChatMessage | readonly ChatMessage[];
