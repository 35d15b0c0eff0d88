import type { AnswerHead, ChatChunk, FinishReason } from "./chat-chunks.ts";
import type { ContentScore } from "./logprobs.ts";
import type { Timings, UsageAnswer } from "./usage.ts";

interface MessageAnswer {
  role: "assistant";
  content: string | null;
  refusal: null;
  reasoning_content?: string;
  tool_calls?: { id: string; type: "function"; function: { name: string; arguments: string } }[];
}

interface ChoiceAnswer {
  readonly index: number;
  readonly message: MessageAnswer;
  logprobs: { content: ContentScore[]; refusal: null } | null;
  finish_reason: FinishReason;
}

export interface ChatCompletion extends AnswerHead {
  readonly object: "chat.completion";
  readonly choices: readonly ChoiceAnswer[];
  readonly usage: UsageAnswer;
  readonly timings: Timings;
}

/** The whole answer, folded from its chunks. */
export async function foldChat(head: AnswerHead, chunks: AsyncIterable<ChatChunk>): Promise<ChatCompletion> {
  const choices: ChoiceAnswer[] = [];
  let last: ChatChunk | undefined;
  for await (const chunk of chunks) {
    last = chunk;
    for (const each of chunk.choices) add((choices[each.index] ??= emptyChoice(each.index)), each);
  }
  for (const { message } of choices) if (message.tool_calls && message.content === "") message.content = null;
  return { ...head, object: "chat.completion", choices, usage: last!.usage!, timings: last!.timings! };
}

function emptyChoice(index: number): ChoiceAnswer {
  const message: MessageAnswer = { role: "assistant", content: "", refusal: null };
  return { index, message, logprobs: null, finish_reason: "stop" };
}

function add(choice: ChoiceAnswer, { delta, logprobs, finish_reason: reason }: ChatChunk["choices"][number]): void {
  const { message } = choice;
  message.content += delta.content ?? "";
  if (delta.reasoning_content) message.reasoning_content = (message.reasoning_content ?? "") + delta.reasoning_content;
  for (const { index, id, function: called } of delta.tool_calls ?? []) {
    const calls = (message.tool_calls ??= []);
    const call = (calls[index] ??= { id: id!, type: "function", function: { name: called.name!, arguments: "" } });
    call.function.arguments += called.arguments;
  }
  if (logprobs) (choice.logprobs ??= { content: [], refusal: null }).content.push(...logprobs.content);
  if (reason) choice.finish_reason = reason;
}
