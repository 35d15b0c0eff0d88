import type { ChatChunk, Delta, FinishReason } from "../chat-chunks.ts";
import { newId } from "../context.ts";
import type { MessageItem, OutputItem, Progress, ReasoningItem, TextPart } from "./object.ts";

/** An event without what all of them have: its number, and the response where it shows it. */
export type ResponseEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/** The items of a response as they grow: one is finished before the next one begins. */
export class OutputItems {
  readonly #done: OutputItem[] = [];
  #open: OutputItem | undefined;

  *push(delta: Delta): Generator<ResponseEvent, void, void> {
    if (delta.reasoning_content) yield* this.#reasoning(delta.reasoning_content);
    if (delta.content) yield* this.#text(delta.content);
    for (const { id, function: called } of delta.tool_calls ?? []) {
      if (id !== undefined)
        yield* this.#begin({
          type: "function_call",
          id: newId("fc_"),
          call_id: id,
          name: called.name!,
          arguments: "",
          status: "in_progress",
        });
      if (called.arguments) yield* this.#arguments(called.arguments);
    }
  }

  /** An answer of no text is an empty message. */
  *finish(reason: FinishReason): Generator<ResponseEvent, void, void> {
    if (this.#done.length === 0 && !this.#open) yield* this.#beginMessage();
    yield* this.#end(reason === "length" ? "incomplete" : "completed");
  }

  get list(): readonly OutputItem[] {
    return this.#open ? [...this.#done, this.#open] : this.#done;
  }

  get #index() {
    return { output_index: this.#done.length };
  }

  get #part() {
    return { item_id: this.#open!.id, ...this.#index, content_index: 0 };
  }

  *#reasoning(delta: string) {
    if (this.#open?.type !== "reasoning")
      yield* this.#begin({ type: "reasoning", id: newId("rs_"), summary: [], content: [], status: "in_progress" });
    const item = this.#open as ReasoningItem;
    const text = (item.content[0]?.text ?? "") + delta;
    this.#open = { ...item, content: [{ type: "reasoning_text", text }] };
    yield { type: "response.reasoning_text.delta", ...this.#part, delta };
  }

  *#text(delta: string) {
    if (this.#open?.type !== "message") yield* this.#beginMessage();
    const item = this.#open as MessageItem;
    this.#open = { ...item, content: [textPart((item.content[0]?.text ?? "") + delta)] };
    yield { type: "response.output_text.delta", ...this.#part, delta, logprobs: [] };
  }

  *#arguments(delta: string) {
    const item = this.#open as Extract<OutputItem, { type: "function_call" }>;
    this.#open = { ...item, arguments: item.arguments + delta };
    yield { type: "response.function_call_arguments.delta", item_id: item.id, ...this.#index, delta };
  }

  *#beginMessage() {
    yield* this.#begin({ type: "message", id: newId("msg_"), role: "assistant", status: "in_progress", content: [] });
    yield { type: "response.content_part.added", ...this.#part, part: textPart("") };
    this.#open = { ...(this.#open as MessageItem), content: [textPart("")] };
  }

  *#begin(item: OutputItem): Generator<ResponseEvent, void, void> {
    yield* this.#end("completed");
    this.#open = item;
    yield { type: "response.output_item.added", ...this.#index, item };
  }

  *#end(status: "completed" | "incomplete"): Generator<ResponseEvent, void, void> {
    if (!this.#open) return;
    yield* this.#endContent(this.#open);
    const item = { ...this.#open, status };
    yield { type: "response.output_item.done", ...this.#index, item };
    this.#done.push(item);
    this.#open = undefined;
  }

  *#endContent(item: OutputItem): Generator<ResponseEvent, void, void> {
    if (item.type === "function_call") {
      const { id, name, arguments: given } = item;
      yield { type: "response.function_call_arguments.done", item_id: id, ...this.#index, name, arguments: given };
      return;
    }
    const [part] = item.content;
    if (part?.type === "reasoning_text") yield { type: "response.reasoning_text.done", ...this.#part, text: part.text };
    if (part?.type !== "output_text") return;
    yield { type: "response.output_text.done", ...this.#part, text: part.text, logprobs: [] };
    yield { type: "response.content_part.done", ...this.#part, part };
  }
}

function textPart(text: string): TextPart {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

/** @returns the events of an answer; `show` makes the response that some of them have */
export async function* responseEvents(
  chunks: AsyncIterable<ChatChunk>,
  show: (progress: Progress) => object,
): AsyncGenerator<ResponseEvent, void, void> {
  const items = new OutputItems();
  const begun = show({ status: "in_progress", output: [] });
  yield { type: "response.created", response: begun };
  yield { type: "response.in_progress", response: begun };
  let reason: FinishReason = "stop";
  for await (const { choices, usage } of chunks) {
    for (const { delta, finish_reason: finished } of choices) {
      yield* items.push(delta);
      if (finished) yield* items.finish((reason = finished));
    }
    if (!usage) continue;
    const status = reason === "length" ? "incomplete" : "completed";
    yield { type: `response.${status}`, response: show({ status, output: items.list, usage }) };
  }
}
