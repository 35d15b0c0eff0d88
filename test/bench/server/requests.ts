// Requests to a server with OpenAI's wire, and when their tokens come.

export interface Answered {
  /** Milliseconds from the request to the first text, and to the end. */
  readonly first: number;
  readonly end: number;
  /** Tokens that were made. */
  readonly tokens: number;
}

export interface CompletionBody {
  readonly prompt: readonly number[];
  readonly max_tokens: number;
  readonly state?: { readonly from?: string; readonly to?: string };
}

/** Streams an answer of exactly `max_tokens`. @param onText when a piece has come */
export async function complete(
  base: string,
  body: CompletionBody,
  { onText = () => {}, signal }: { onText?: () => void; signal?: AbortSignal } = {},
): Promise<Answered> {
  const start = performance.now();
  const response = await fetch(`${base}/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      ...body,
      temperature: 0,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true },
    }),
    ...(signal && { signal }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  let [first, tokens] = [0, 0];
  for await (const data of dataOf(response.body!)) {
    const { choices, usage, error } = JSON.parse(data);
    if (error) throw new Error(error.message);
    if (usage) tokens = usage.completion_tokens;
    if (!choices[0]?.text) continue;
    first ||= performance.now() - start;
    onText();
  }
  const end = performance.now() - start;
  return { first: first || end, end, tokens };
}

/** Data of the events but the last. */
async function* dataOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream as unknown as AsyncIterable<Uint8Array>) {
    const events = (text + decoder.decode(bytes, { stream: true })).split("\n\n");
    text = events.pop()!;
    for (const event of events) {
      const data = event.replace(/^data: /, "");
      if (data !== "[DONE]" && !data.startsWith(":")) yield data;
    }
  }
}
