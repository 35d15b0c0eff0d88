import { GENERATE_OPTIONS, type GenerateOptions } from "../session/session.ts";
import type { ChatMessage, TextPart } from "./messages.ts";
import { type ChatTemplate, PROMPT_OPTIONS, type PromptOptions } from "./template.ts";

/**
 * Options of an answer: those of `generate`. `stop` is added to the template's own stop texts, and `preset` defaults to
 * the template's.
 */
export interface AnswerOptions extends GenerateOptions, PromptOptions {}

export const ANSWER_OPTIONS = { ...GENERATE_OPTIONS, ...PROMPT_OPTIONS } as const satisfies Record<
  keyof AnswerOptions,
  true
>;

export interface ChatOptions extends AnswerOptions {
  /** A name ("raven", "world", "g1"), a Jinja template, or an object. Default: what the model's file says. */
  template?: string | ChatTemplate | undefined;
  /** The system message. */
  system?: string | undefined;
  /** A conversation to continue. */
  messages?: readonly ChatMessage[] | undefined;
}

export const CHAT_OPTIONS = {
  ...ANSWER_OPTIONS,
  template: true,
  system: true,
  messages: true,
} as const satisfies Record<keyof ChatOptions, true>;

/** A user's input: text, material and question as parts, or messages such as tool results. */
export type ChatInput = string | readonly TextPart[] | ChatMessage | readonly ChatMessage[];
