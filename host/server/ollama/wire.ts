import type { AnswerHead, ChatChunk, Delta, FinishReason } from "../chat-chunks.ts";
import type { Completion } from "../completion-chunks.ts";
import type { HttpError } from "../errors.ts";
import type { StreamFormat } from "../events.ts";
import type { TextChunk, Wire } from "../wire.ts";

/** A line that is empty would be no JSON: nothing is sent while a prompt is read. */
const LINES: StreamFormat = { contentType: "application/x-ndjson", ping: "" };

interface Said {
  readonly content: string;
  readonly thinking?: string;
  readonly tool_calls?: readonly { readonly function: { readonly name: string; readonly arguments: unknown } }[];
}

/** How a route says what the model says: a message, or a text. */
export type Say = (said: Said) => object;

export const asMessage: Say = (said) => ({ message: { role: "assistant", ...said } });
export const asText: Say = ({ content, thinking }) => ({ response: content, ...(thinking && { thinking }) });

interface Line {
  readonly model: string;
  readonly created_at: string;
  readonly said: Said;
  readonly done: boolean;
  readonly done_reason?: "stop" | "length";
}

/** What a chunk has the model say, and whether that is the end. */
type SaidIn<Chunk> = (chunk: Chunk) => { delta: Delta; finished: FinishReason | null } | undefined;

export const saidInChat: SaidIn<ChatChunk> = ({ choices: [choice] }) =>
  choice && { delta: choice.delta, finished: choice.finish_reason };

export const saidInText: SaidIn<Completion> = ({ choices: [choice] }) =>
  choice && { delta: { content: choice.text }, finished: choice.finish_reason };

/** Ollama's streams: a line of JSON for each piece, the last one with the counts. */
export function ollamaWire<Chunk extends TextChunk>(head: AnswerHead, say: Say, saidIn: SaidIn<Chunk>): Wire<Chunk> {
  return {
    format: LINES,
    async *events(chunks) {
      for await (const { said, ...line } of lines(head, chunks, saidIn))
        yield `${JSON.stringify({ ...line, ...say(said) })}\n`;
    },
    failed: (error) => `${JSON.stringify(errorOf(error))}\n`,
    async fold(chunks) {
      const parts: Said[] = [];
      let last: Line | undefined;
      for await (const line of lines(head, chunks, saidIn)) parts.push((last = line).said);
      return { ...last, said: undefined, ...say(joined(parts)) };
    },
  };
}

export function errorOf({ message }: HttpError) {
  return { error: message };
}

async function* lines<Chunk extends TextChunk>(
  { model, created }: AnswerHead,
  chunks: AsyncIterable<Chunk>,
  saidIn: SaidIn<Chunk>,
): AsyncGenerator<Line, void, void> {
  const started = performance.now();
  const created_at = new Date(1000 * created).toISOString();
  const calls = new Calls();
  let reason: FinishReason = "stop";
  for await (const chunk of chunks) {
    const { delta = {}, finished } = saidIn(chunk) ?? {};
    calls.push(delta);
    reason = finished ?? reason;
    const { content = "", reasoning_content: thinking } = delta;
    if (content || thinking) yield { model, created_at, said: { content, ...(thinking && { thinking }) }, done: false };
    if (!chunk.usage) continue;
    const done_reason = reason === "length" ? "length" : "stop";
    const counts = countsOf(chunk, performance.now() - started);
    yield { model, created_at, said: { content: "", ...calls.said() }, done: true, done_reason, ...counts };
  }
}

/** Their arguments come in pieces, and Ollama gives them whole. */
class Calls {
  readonly #calls: { name: string; arguments: string }[] = [];

  push({ tool_calls: deltas = [] }: Delta): void {
    for (const { index, function: called } of deltas)
      (this.#calls[index] ??= { name: called.name!, arguments: "" }).arguments += called.arguments;
  }

  said(): Pick<Said, "tool_calls"> {
    if (this.#calls.length === 0) return {};
    return {
      tool_calls: this.#calls.map((call) => ({ function: { ...call, arguments: JSON.parse(call.arguments) } })),
    };
  }
}

/** Nanoseconds. */
function countsOf({ usage, timings }: TextChunk, milliseconds: number) {
  const ns = (ms = 0) => Math.round(1e6 * ms);
  return {
    total_duration: ns(milliseconds),
    load_duration: 0,
    prompt_eval_count: usage!.prompt_tokens,
    prompt_eval_duration: ns(timings?.prompt_ms),
    eval_count: usage!.completion_tokens,
    eval_duration: ns(timings?.predicted_ms),
  };
}

function joined(parts: readonly Said[]): Said {
  const thinking = parts.map((part) => part.thinking ?? "").join("");
  const calls = parts.flatMap((part) => part.tool_calls ?? []);
  const content = parts.map((part) => part.content).join("");
  return { content, ...(thinking && { thinking }), ...(calls.length > 0 && { tool_calls: calls }) };
}
