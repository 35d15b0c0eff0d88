import type { Piece } from "../session/generate.ts";
import type { Usage } from "../session/usage.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { PromptRead } from "./chat-answer.ts";
import { type AnswerHead, type FinishReason, finishReason } from "./chat-chunks.ts";
import type { CompletionEvent, EchoToken } from "./completion-answer.ts";
import { contentScore, TextTokens } from "./logprobs.ts";
import { type Timings, timingsOf, type UsageAnswer, usageAnswer } from "./usage.ts";

/** Four lists of equal length, one entry per token. */
export interface CompletionLogprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Record<string, number> | null)[];
  readonly text_offset: number[];
}

export interface CompletionChoice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: CompletionLogprobs | null;
  readonly finish_reason: FinishReason | null;
}

export interface Completion extends AnswerHead {
  readonly object: "text_completion";
  readonly choices: readonly CompletionChoice[];
  readonly usage: UsageAnswer | null;
  readonly timings?: Timings;
}

/** The chunks of a completion; the last has the usage and no choice. */
export async function* completionChunks(
  events: AsyncIterable<CompletionEvent>,
  head: AnswerHead,
  tokenizer: Tokenizer,
  withLogprobs: boolean,
): AsyncGenerator<Completion, void, void> {
  const texts = new Map<number, Text>();
  const usages: Usage[] = [];
  let prompt: PromptRead = { tokens: 0, cached: 0, seconds: 0 };
  for await (const event of events) {
    if (event.kind === "read") {
      prompt = sum(prompt, event.read);
      continue;
    }
    const text = texts.get(event.index) ?? new Text(event.index, tokenizer, withLogprobs);
    texts.set(event.index, text);
    const choice = text.push(event);
    if (event.kind === "piece" && event.piece.usage) usages.push(event.piece.usage);
    if (choice) yield { ...head, object: "text_completion", choices: [choice], usage: null };
  }
  const usage = usageAnswer(prompt, usages, 0);
  yield { ...head, object: "text_completion", choices: [], usage, timings: timingsOf(prompt, usages) };
}

/** Several prompts are read in the same batches. */
function sum(a: PromptRead, b: PromptRead): PromptRead {
  return { tokens: a.tokens + b.tokens, cached: a.cached + b.cached, seconds: Math.max(a.seconds, b.seconds) };
}

class Text {
  readonly #index: number;
  readonly #tokenizer: Tokenizer;
  readonly #tokens: TextTokens | undefined;
  /** Characters so far. */
  #length = 0;

  constructor(index: number, tokenizer: Tokenizer, withLogprobs: boolean) {
    this.#index = index;
    this.#tokenizer = tokenizer;
    this.#tokens = withLogprobs ? new TextTokens(tokenizer) : undefined;
  }

  push(event: Exclude<CompletionEvent, { kind: "read" }>): CompletionChoice | undefined {
    if (event.kind === "echo") return this.#echo(event.tokens);
    if (event.kind === "nothing") return this.#choice("", undefined, "length");
    return this.#piece(event.piece);
  }

  #echo(tokens: readonly EchoToken[]): CompletionChoice {
    return this.#choice(this.#tokenizer.decode(tokens.map(({ token }) => token)), this.#tokens && tokens);
  }

  #piece(piece: Piece): CompletionChoice | undefined {
    const tokens = this.#tokens?.push(piece);
    if (!piece.text && !piece.stop) return undefined;
    return this.#choice(piece.text, tokens, piece.stop && finishReason(piece.stop));
  }

  #choice(text: string, tokens?: readonly EchoToken[], reason: FinishReason | null = null): CompletionChoice {
    const logprobs = tokens ? this.#logprobs(tokens) : null;
    this.#length += text.length;
    return { index: this.#index, text, logprobs, finish_reason: reason };
  }

  #logprobs(tokens: readonly EchoToken[]): CompletionLogprobs {
    const lists: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    let offset = this.#length;
    for (const each of tokens) {
      const { token, logprob, top_logprobs: top } = contentScore(this.#tokenizer, each);
      lists.tokens.push(token);
      lists.token_logprobs.push(each.logprob === undefined ? null : logprob);
      const isScored = each.logprob !== undefined;
      lists.top_logprobs.push(isScored ? Object.fromEntries(top.map((one) => [one.token, one.logprob])) : null);
      lists.text_offset.push(offset);
      offset += token.length;
    }
    return lists;
  }
}

/** The whole completion, folded from its chunks. */
export async function foldCompletion(head: AnswerHead, chunks: AsyncIterable<Completion>): Promise<Completion> {
  const choices: CompletionChoice[] = [];
  let last: Completion | undefined;
  for await (const chunk of chunks) {
    last = chunk;
    for (const each of chunk.choices) {
      const before = choices[each.index];
      choices[each.index] = before ? joined(before, each) : each;
    }
  }
  return { ...head, object: "text_completion", choices, usage: last!.usage, timings: last!.timings! };
}

function joined(a: CompletionChoice, b: CompletionChoice): CompletionChoice {
  const logprobs = a.logprobs && b.logprobs ? joinedLists(a.logprobs, b.logprobs) : (a.logprobs ?? b.logprobs);
  return { ...b, text: a.text + b.text, logprobs };
}

function joinedLists(a: CompletionLogprobs, b: CompletionLogprobs): CompletionLogprobs {
  return {
    tokens: [...a.tokens, ...b.tokens],
    token_logprobs: [...a.token_logprobs, ...b.token_logprobs],
    top_logprobs: [...a.top_logprobs, ...b.top_logprobs],
    text_offset: [...a.text_offset, ...b.text_offset],
  };
}
