import type { ChatPiece, ChatStop, ToolCall } from "../chat/index.ts";
import type { Usage } from "../session/usage.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { ChatEvent, PromptRead } from "./chat-answer.ts";
import { type ContentScore, contentScore, TextTokens } from "./logprobs.ts";
import { type Timings, timingsOf, type UsageAnswer, usageAnswer } from "./usage.ts";

export type FinishReason = "stop" | "length" | "tool_calls";

export function finishReason(stop: ChatStop): FinishReason {
  return stop === "length" || stop === "tool_calls" ? stop : "stop";
}

/** What all chunks of an answer share. */
export interface AnswerHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

export interface Delta {
  readonly role?: "assistant";
  readonly content?: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly CallDelta[];
}

interface CallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: "function";
  readonly function: { readonly name?: string; readonly arguments: string };
}

export interface ChunkChoice {
  readonly index: number;
  readonly delta: Delta;
  readonly logprobs: { readonly content: readonly ContentScore[]; readonly refusal: null } | null;
  readonly finish_reason: FinishReason | null;
}

export interface ChatChunk extends AnswerHead {
  readonly object: "chat.completion.chunk";
  readonly choices: readonly ChunkChoice[];
  readonly usage: UsageAnswer | null;
  readonly timings?: Timings;
}

/** The chunks of an answer; the last has the usage and no choice. */
export async function* chatChunks(
  events: AsyncIterable<ChatEvent>,
  head: AnswerHead,
  tokenizer: Tokenizer,
): AsyncGenerator<ChatChunk, void, void> {
  const choices = new Map<number, Choice>();
  let prompt: PromptRead = { tokens: 0, cached: 0, seconds: 0 };
  const chunk = (choices: readonly ChunkChoice[], more?: Pick<ChatChunk, "usage" | "timings">): ChatChunk => ({
    ...head,
    object: "chat.completion.chunk",
    choices,
    usage: null,
    ...more,
  });
  for await (const event of events) {
    if (event.kind === "read") prompt = event.read;
    else {
      const { index, piece } = event;
      const choice = choices.get(index) ?? new Choice(index, tokenizer);
      choices.set(index, choice);
      for (const each of choice.push(piece)) yield chunk([each]);
    }
  }
  const usages = [...choices.values()].flatMap(({ usage }) => usage ?? []);
  const reasoning = [...choices.values()].reduce((sum, { reasoningTokens }) => sum + reasoningTokens, 0);
  yield chunk([], { usage: usageAnswer(prompt, usages, reasoning), timings: timingsOf(prompt, usages) });
}

/** One of the answers to a request. */
class Choice {
  usage: Usage | undefined;
  reasoningTokens = 0;
  readonly #index: number;
  readonly #tokenizer: Tokenizer;
  readonly #tokens: TextTokens;
  #begun = false;

  constructor(index: number, tokenizer: Tokenizer) {
    this.#index = index;
    this.#tokenizer = tokenizer;
    this.#tokens = new TextTokens(tokenizer);
  }

  *push(piece: ChatPiece): Generator<ChunkChoice, void, void> {
    const { text, thinking, stop, toolCalls = [], logprob } = piece;
    if (!this.#begun) yield this.#choice({ role: "assistant", content: "" });
    this.#begun = true;
    if (thinking) {
      this.reasoningTokens++;
      yield this.#choice({ reasoning_content: thinking });
    }
    const tokens = logprob === undefined ? undefined : this.#tokens.push(piece);
    const scores = tokens?.map((token) => contentScore(this.#tokenizer, token));
    if (text) yield this.#choice({ content: text }, scores);
    for (const [i, call] of toolCalls.entries())
      for (const delta of callDeltas(i, call)) yield this.#choice({ tool_calls: [delta] });
    if (!stop) return;
    this.usage = piece.usage;
    yield { ...this.#choice({}), finish_reason: finishReason(stop) };
  }

  #choice(delta: Delta, scores?: readonly ContentScore[]): ChunkChoice {
    const logprobs = scores ? { content: scores, refusal: null } : null;
    return { index: this.#index, delta, logprobs, finish_reason: null };
  }
}

/** A call is sent as a whole: it is certain only when its JSON is complete. */
function callDeltas(index: number, { id, function: { name, arguments: given } }: ToolCall): CallDelta[] {
  return [
    { index, id, type: "function", function: { name, arguments: "" } },
    { index, function: { arguments: given } },
  ];
}
