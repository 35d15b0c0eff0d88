import type { Model } from "../model/model.ts";
import { only } from "../options/names.ts";
import type { StopReason } from "../session/generate.ts";
import { GENERATE_OPTIONS, type GenerateOptions } from "../session/session.ts";
import { rate } from "../session/usage.ts";
import type { AnswerReader } from "./answer.ts";
import type { ContextTracker } from "./context-tracker.ts";
import { constraintOf } from "./guide.ts";
import type { AnswerOptions } from "./options.ts";
import type { ChatPiece } from "./stream.ts";
import type { ChatTemplate, Prompt } from "./template.ts";
import { readCalls } from "./tools.ts";

/** What an answer is made from. */
export interface AnswerTask {
  readonly model: Model;
  readonly template: ChatTemplate;
  readonly prompt: Prompt;
  readonly options: AnswerOptions;
}

/**
 * Feeds the prompt and generates the answer.
 * @param callsSoFar number of earlier calls in the chat: ids continue from it
 */
export async function* answerPieces(
  task: AnswerTask,
  reader: AnswerReader,
  tracker: ContextTracker,
  callsSoFar: number,
): AsyncGenerator<ChatPiece, void, void> {
  const { model, template, prompt, options } = task;
  const constraint = await constraintOf(model.tokenizer, template, reader, prompt.prefill ?? "", options);
  const started = performance.now();
  const promptTokens = await tracker.sync(prompt, options.signal);
  const promptTokensPerSecond = rate({ tokens: promptTokens, seconds: (performance.now() - started) / 1000 });
  for await (const { text, stop, usage, ...more } of generate(task, tracker, constraint)) {
    const piece = { ...more, ...reader.push(text) };
    if (!stop) yield piece;
    // This generation fed nothing: the prompt was fed before.
    else
      yield {
        ...lastPiece(piece, stop, reader, callsSoFar),
        usage: { ...usage!, promptTokens, promptTokensPerSecond },
      };
  }
}

/** The model's text; the tracker records every token. */
async function* generate(
  { model, template, options }: AnswerTask,
  tracker: ContextTracker,
  constraint: GenerateOptions["constraint"],
) {
  const decoder = model.tokenizer.stream();
  const stop = [...template.stops, ...(options.stop ?? [])];
  try {
    for await (const { complete: _, ...piece } of tracker.session.generate([], {
      ...only<GenerateOptions>(options, GENERATE_OPTIONS),
      constraint,
      stop,
    })) {
      if (piece.stop !== "end") tracker.append(decoder.push(piece.token)); // the end was not fed
      yield piece;
    }
  } finally {
    tracker.append(decoder.flush());
  }
}

/** The last piece, with the text that was held back until it was certain. */
function lastPiece(piece: ChatPiece, stop: StopReason, reader: AnswerReader, callsSoFar: number): ChatPiece {
  const toolCalls = reader.call ? readCalls(reader.call, callsSoFar) : undefined;
  const { text, thinking } = reader.end(toolCalls !== undefined);
  const whole = { ...piece, text: piece.text + text, thinking: piece.thinking + thinking };
  return toolCalls ? { ...whole, stop: "tool_calls", toolCalls } : { ...whole, stop };
}
