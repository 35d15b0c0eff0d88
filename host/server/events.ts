/** A comment keeps proxies from closing a connection that is silent while a long prompt is read. */
const PING_MS = 10_000;
const PING = ": ping\n\n";
/** Events that wait for a slow reader before the text waits too. */
const BUFFERED_BYTES = 1 << 16;

export interface EventStreamOptions {
  /** What an error after the first byte is as an event. */
  readonly failed: (error: unknown) => string;
  /** The reader has gone, or reads too slowly. */
  readonly left: () => void;
  /** The stream is over, for whatever reason. */
  readonly ended: () => void;
  /** How long a reader may take nothing. */
  readonly slowReaderMs: number;
}

/** Server-sent events, made as they are read. */
export function eventStream(events: AsyncGenerator<string, void, void>, options: EventStreamOptions): Response {
  const source = new EventSource(events, options);
  const body = new ReadableStream(source, new ByteLengthQueuingStrategy({ highWaterMark: BUFFERED_BYTES }));
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-accel-buffering": "no", // nginx would hold them back
    },
  });
}

class EventSource implements UnderlyingDefaultSource<Uint8Array> {
  readonly #encoder = new TextEncoder();
  readonly #events: AsyncGenerator<string, void, void>;
  readonly #options: EventStreamOptions;
  #slow: ReturnType<typeof setTimeout> | undefined;

  constructor(events: AsyncGenerator<string, void, void>, options: EventStreamOptions) {
    this.#events = events;
    this.#options = options;
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    clearTimeout(this.#slow);
    const send = (text: string) => controller.enqueue(this.#encoder.encode(text));
    // A reader may leave while a long prompt is read, and a stream that is over takes no ping.
    const ping = setInterval(() => this.#isOver || send(PING), PING_MS);
    const event = await this.#next();
    clearInterval(ping);
    if (this.#isOver) return;
    if (event.text) send(event.text);
    if (event.last) this.#end(() => controller.close());
    else this.#slow = setTimeout(() => this.#giveUp(controller), this.#options.slowReaderMs);
  }

  cancel(): void {
    this.#end(() => this.#options.left());
    void this.#events.return().catch(() => {});
  }

  async #next(): Promise<{ text: string; last: boolean }> {
    try {
      const { done, value } = await this.#events.next();
      return { text: value ?? "", last: done === true };
    } catch (error) {
      return { text: this.#options.failed(error), last: true };
    }
  }

  #giveUp(controller: ReadableStreamDefaultController<Uint8Array>): void {
    controller.error(new Error("The reader took too long."));
    this.cancel();
  }

  #isOver = false;

  #end(how: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#slow);
    how();
    this.#options.ended();
  }
}

/** One event. @param type of those streams whose events have names */
export function eventOf(data: unknown, type?: string): string {
  return `${type ? `event: ${type}\n` : ""}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
}
