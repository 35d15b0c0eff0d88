/** Proxies close connections that are silent for long, as while a long prompt is read. */
const PING_MS = 10_000;
/** Events buffered for a slow reader before generation pauses. */
const BUFFERED_BYTES = 1 << 16;

/** What a stream's bytes are. */
export interface StreamFormat {
  readonly contentType: string;
  /** What readers skip. */
  readonly ping: string;
}

export const EVENTS: StreamFormat = { contentType: "text/event-stream; charset=utf-8", ping: ": ping\n\n" };

export interface EventStreamOptions {
  readonly format: StreamFormat;
  /** What an error after the first byte is in the stream. */
  readonly failed: (error: unknown) => string;
  /** The reader has left, or reads too slowly. */
  readonly left: () => void;
  /** The stream has ended, for any reason. */
  readonly ended: () => void;
  /** How long a reader may take no event. */
  readonly slowReaderMs: number;
}

/** A stream that is made as it is read. */
export function eventStream(events: AsyncGenerator<string, void, void>, options: EventStreamOptions): Response {
  const source = new EventSource(events, options);
  const body = new ReadableStream(source, new ByteLengthQueuingStrategy({ highWaterMark: BUFFERED_BYTES }));
  return new Response(body, {
    headers: {
      "content-type": options.format.contentType,
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
    // A reader may leave while a long prompt is read; an ended stream takes no ping.
    const ping = setInterval(() => this.#isOver || send(this.#options.format.ping), PING_MS);
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
    controller.error(new Error("The reader was too slow."));
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
