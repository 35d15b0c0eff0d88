import type { LanguageModelV3FinishReason, LanguageModelV3StreamPart, LanguageModelV3Usage } from "@ai-sdk/provider";
import type { ChatPiece, ChatStop, ToolCall } from "../chat/index.ts";

type Block = "reasoning" | "text";

/** The pieces of an answer as stream parts: blocks that are opened and closed, calls, the end. */
export async function* partsOf(
  pieces: AsyncIterable<ChatPiece>,
  promptTokens: () => number,
): AsyncGenerator<LanguageModelV3StreamPart, void, void> {
  const blocks = new Blocks();
  let reasoning = 0;
  for await (const { text, thinking, stop, toolCalls = [], usage } of pieces) {
    if (thinking) {
      reasoning++;
      yield* blocks.delta("reasoning", thinking);
    }
    if (text) yield* blocks.delta("text", text);
    if (!stop) continue;
    yield* blocks.close();
    for (const call of toolCalls) yield* callParts(call);
    const counts = { read: usage!.promptTokens, made: usage!.completionTokens, reasoning };
    yield { type: "finish", finishReason: finishReason(stop), usage: usageOf(promptTokens(), counts) };
  }
}

class Blocks {
  #open: { kind: Block; id: string } | undefined;
  #count = 0;

  *delta(kind: Block, delta: string): Generator<LanguageModelV3StreamPart, void, void> {
    if (this.#open?.kind !== kind) {
      yield* this.close();
      this.#open = { kind, id: String(this.#count++) };
      yield { type: `${kind}-start`, id: this.#open.id };
    }
    yield { type: `${kind}-delta`, id: this.#open.id, delta };
  }

  *close(): Generator<LanguageModelV3StreamPart, void, void> {
    if (this.#open) yield { type: `${this.#open.kind}-end`, id: this.#open.id };
    this.#open = undefined;
  }
}

/** A call is sent as a whole: it is certain only when its JSON is complete. */
function* callParts({ function: { name, arguments: input } }: ToolCall): Generator<LanguageModelV3StreamPart> {
  const toolCallId = `call_${crypto.randomUUID()}`; // not the chat's id: several chats answer one conversation
  yield { type: "tool-input-start", id: toolCallId, toolName: name };
  yield { type: "tool-input-delta", id: toolCallId, delta: input };
  yield { type: "tool-input-end", id: toolCallId };
  yield { type: "tool-call", toolCallId, toolName: name, input };
}

function finishReason(stop: ChatStop): LanguageModelV3FinishReason {
  const unified = stop === "length" ? stop : stop === "tool_calls" ? "tool-calls" : "stop";
  return { unified, raw: stop };
}

function usageOf(total: number, counts: { read: number; made: number; reasoning: number }): LanguageModelV3Usage {
  const { read, made, reasoning } = counts;
  return {
    inputTokens: { total, noCache: read, cacheRead: Math.max(0, total - read), cacheWrite: undefined },
    outputTokens: { total: made, text: made - reasoning, reasoning },
  };
}
