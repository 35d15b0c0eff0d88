import type { GenerateOptions } from "../session/session.ts";
import type { ChatMessage, TextPart } from "./messages.ts";
import type { ChatTemplate, PromptOptions } from "./template.ts";

/**
 * Options of an answer: those of `generate`. `stop` is added to the template's own stop texts, and `preset` defaults to
 * the template's.
 */
export interface AnswerOptions extends GenerateOptions, PromptOptions {}

export interface ChatOptions extends AnswerOptions {
  /** A name ("raven", "world", "g1"), a Jinja template, or an object. Default: what the model's file says. */
  template?: string | ChatTemplate | undefined;
  /** The system message. */
  system?: string | undefined;
  /** A conversation to continue. */
  messages?: readonly ChatMessage[] | undefined;
}

/** A user's input: text, material and question as parts, or messages such as tool results. */
export type ChatInput = string | readonly TextPart[] | ChatMessage | readonly ChatMessage[];
