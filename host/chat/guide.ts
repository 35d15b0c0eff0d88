import { checkNames } from "../options/names.ts";
import type { GenerateOptions } from "../session/session.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { AnswerReader } from "./answer.ts";
import { checkAnswerable, checkCalls, checkOptions } from "./checks.ts";
import { type AssistantMessage, type ChatMessage, checkMessages } from "./messages.ts";
import { ANSWER_OPTIONS, type AnswerOptions } from "./options.ts";
import { answerMessage } from "./stream.ts";
import type { ChatTemplate, Prompt } from "./template.ts";
import { callable, readCalls } from "./tools.ts";

/** One answer, for programs that generate it with `session.generate` themselves. */
export interface AnswerGuide {
  /** What the model reads before it answers: for `encodePrompt`. */
  readonly prompt: string;
  /** Texts before which the answer ends: for `generate`. */
  readonly stop: readonly string[];
  /** For `generate`: holds calls to the schemas of the tools. */
  readonly constraint: GenerateOptions["constraint"];
  /** The generated text as a message: its thought, its content and its calls apart. */
  message(text: string): AssistantMessage;
}

/**
 * Prepares an answer that is generated without `chat`, such as from a state that is kept elsewhere.
 * @param options of them the prompt's, `tools`, `toolChoice` and `constraint` matter here
 * @throws WkvError `bad-constraint` for a schema that is not supported; TypeError or RangeError naming the wrong argument
 * @example
 * const messages = [{ role: "user", content: "Hello" }];
 * const { prompt, message, stop, constraint } = await guideAnswer(model.tokenizer, templates.world, messages);
 * const tokens = encodePrompt(model.tokenizer, prompt);
 * let text = "";
 * for await (const piece of session.generate(tokens, { stop, constraint, maxTokens: 5 })) text += piece.text;
 * console.log(message(text).content);
 */
export async function guideAnswer(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  options: AnswerOptions = {},
): Promise<AnswerGuide> {
  checkNames(options, ANSWER_OPTIONS, "guideAnswer");
  checkMessages(messages);
  checkAnswerable(messages);
  checkOptions(options);
  checkCalls(options);
  const prompt = template.prompt(messages, options);
  const reader = readerOf(prompt, template, options);
  const calls = messages.reduce((sum, { tool_calls }) => sum + (tool_calls?.length ?? 0), 0);
  return {
    prompt: prompt.history + prompt.opening,
    stop: template.stops,
    constraint: await constraintOf(tokenizer, template, reader, prompt.prefill ?? "", options),
    message: (text) => messageOf(readerOf(prompt, template, options), text, calls),
  };
}

/** @param calls how many there were before in the chat */
function messageOf(reader: AnswerReader, whole: string, calls: number): AssistantMessage {
  const read = reader.push(whole);
  const toolCalls = reader.call ? readCalls(reader.call, calls) : undefined;
  const { text, thinking } = reader.end(toolCalls !== undefined);
  const { prefill } = reader;
  return answerMessage(prefill.text + read.text + text, prefill.thinking + read.thinking + thinking, toolCalls);
}

/** What takes an answer apart as it comes. */
export function readerOf(
  { opening, prefill = "" }: Prompt,
  { thinks }: ChatTemplate,
  options: AnswerOptions,
): AnswerReader {
  const calls = callable(options.tools, options.toolChoice).tools.length > 0;
  return new AnswerReader(opening.slice(0, opening.length - prefill.length), { thinks, calls }, prefill);
}

/** What holds calls to their tools, at the end of what is there of the answer. */
export async function constraintOf(
  tokenizer: Tokenizer,
  { thinks }: ChatTemplate,
  { at }: AnswerReader,
  prefill: string,
  options: AnswerOptions,
): Promise<GenerateOptions["constraint"]> {
  const { tools, required, one } = callable(options.tools, options.toolChoice);
  if (tools.length === 0) return options.constraint;
  const { answerConstraint } = await import("./calls.ts");
  return answerConstraint(tokenizer, { tools, at, thinks, required, one }, prefill);
}
