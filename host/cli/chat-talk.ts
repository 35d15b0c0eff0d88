import type { Chat } from "../chat/chat.ts";
import type { AnswerOptions } from "../chat/options.ts";
import type { ThinkMode } from "../chat/template.ts";
import { draftOf, type ModelOptions, type TextOptions } from "./options.ts";
import { unescaped } from "./parse.ts";
import { samplerOptions } from "./sampling.ts";

/** Answers are longer than the texts of `wkv run`, especially with a thought; Ctrl-C ends an endless one. */
export const MAX_TOKENS = 2000;

export interface ChatCommandOptions extends ModelOptions, TextOptions {
  system?: string;
  template?: string;
  think?: ThinkMode;
  load?: string;
  questionFirst?: boolean;
  readTwice?: boolean;
  json?: boolean;
  history?: boolean;
}

/** The current conversation and its forks; what a command may change. */
export interface Talk {
  options: ChatCommandOptions;
  readonly chats: Map<string, Chat>;
  current: string;
  think: ThinkMode | undefined;
  /** Answers so far: with --seed each gets a different seed. */
  answers: number;
  /** Set by /exit. */
  isOver: boolean;
}

export function chatOf({ chats, current }: Talk): Chat {
  return chats.get(current) as Chat;
}

/** The options of the next answer. */
export function answerOptions({ options, think, answers }: Talk, signal: AbortSignal): AnswerOptions {
  const { maxTokens = MAX_TOKENS, escapes, stop = [] } = options;
  const seed = options.seed === undefined ? undefined : options.seed + answers;
  const stops = escapes ? stop.map(unescaped) : stop;
  return { ...samplerOptions(options), maxTokens, seed, think, stop: stops, draft: draftOf(options), signal };
}
