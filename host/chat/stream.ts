import type { TokenLogprob } from "../sampling/index.ts";
import type { StopReason } from "../session/generate.ts";
import { type Streamed, type Streams, streamed } from "../session/streams.ts";
import type { Usage } from "../session/usage.ts";
import type { AssistantMessage, ToolCall } from "./messages.ts";

/** One token of an answer. */
export interface ChatPiece {
  /** The part of the answer that became certain with this token; often empty. */
  readonly text: string;
  /** Likewise for the thought. */
  readonly thinking: string;
  readonly token: number;
  readonly logprob?: number;
  readonly topLogprobs?: readonly TokenLogprob[];
  /** Why the answer ended, and how it went; on the last piece only. */
  readonly stop?: ChatStop;
  readonly toolCalls?: readonly ToolCall[];
  /** `promptTokens` counts the tokens that had to be read: the new ones. */
  readonly usage?: Usage;
}

/** As in `generate`, plus `tool_calls`: the answer is tool calls. */
export type ChatStop = StopReason | "tool_calls";

export interface ChatResult {
  readonly message: AssistantMessage;
  /** Undefined if the reader left before the end. */
  readonly stop: ChatStop | undefined;
  readonly usage: Usage | undefined;
}

/**
 * An answer as it is generated: `for await (const piece of answer)`, or `await answer.result()` for all of it at once.
 * Nothing is computed until one of the two is used; leaving the loop stops the answer there.
 */
export class Answer implements AsyncIterable<ChatPiece>, Streams<ChatPiece> {
  readonly #pieces: Streamed<ChatPiece>;
  readonly #fold = new Fold();

  /** @internal */
  constructor(signal: AbortSignal | undefined, start: (signal: AbortSignal) => AsyncGenerator<ChatPiece, void, void>) {
    this.#pieces = streamed(signal, (own) => this.#folded(start(own)));
  }

  [Symbol.asyncIterator](): AsyncIterator<ChatPiece, void, void> {
    return this.#pieces;
  }

  /** The message, once the answer is complete; reads the rest of the answer if necessary. */
  async result(): Promise<ChatResult> {
    for await (const _ of this.#pieces);
    return this.#fold.result();
  }

  toReadableStream(): ReadableStream<ChatPiece> {
    return this.#pieces.toReadableStream();
  }

  /** The answer's text, without its thought. */
  toTextStream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#pieces.toTextStream();
  }

  toEventStream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#pieces.toEventStream();
  }

  async *#folded(pieces: AsyncGenerator<ChatPiece, void, void>): AsyncGenerator<ChatPiece, void, void> {
    for await (const piece of pieces) {
      this.#fold.add(piece);
      yield piece;
    }
  }
}

/** The message that the pieces make. */
export class Fold {
  #text = "";
  #thinking = "";
  #last: ChatPiece | undefined;

  add(piece: ChatPiece): void {
    this.#text += piece.text;
    this.#thinking += piece.thinking;
    this.#last = piece;
  }

  result(): ChatResult {
    const { stop, toolCalls, usage } = this.#last ?? {};
    return { message: answerMessage(this.#text, this.#thinking, toolCalls), stop, usage };
  }
}

export function answerMessage(text: string, thinking: string, toolCalls?: readonly ToolCall[]): AssistantMessage {
  return {
    role: "assistant",
    content: toolCalls && text === "" ? null : text,
    ...(thinking ? { reasoning: thinking } : {}),
    ...(toolCalls ? { tool_calls: toolCalls } : {}),
  };
}
