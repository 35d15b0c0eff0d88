import { WkvError } from "../errors.ts";

/** A text that comes piece by piece as one stream of the platform. Nothing is computed before it is read for. */
export interface Streams<P> {
  /**
   * The pieces. Cancelling the stream ends the generation, also while it reads its prompt; what waits in the stream is at
   * most the piece that is being made.
   */
  toReadableStream(): ReadableStream<P>;
  /**
   * The text alone, as UTF-8.
   * @example
   * const response = new Response(session.generate("Once upon a time", { maxTokens: 5 }).toTextStream());
   * console.log(await response.text());
   */
  toTextStream(): ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * Server-sent events: each piece as JSON, then `[DONE]`. An error is an event of the type `error` with `code` and
   * `message`, and the last.
   * @example
   * const events = session.generate("Once upon a time", { maxTokens: 5 }).toEventStream();
   * const response = new Response(events, { headers: { "content-type": "text/event-stream" } });
   * console.log(await response.text());
   */
  toEventStream(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Pieces that come as a generator or, instead, as a stream. */
export type Streamed<P> = AsyncGenerator<P, void, void> & Streams<P>;

/**
 * Makes a generator that is a stream as well.
 * @param start gets a signal that is aborted by `signal`, and when a stream is cancelled
 */
export function streamed<P extends { readonly text: string }>(
  signal: AbortSignal | undefined,
  start: (signal: AbortSignal) => AsyncGenerator<P, void, void>,
): Streamed<P> {
  const controller = new AbortController();
  const pieces = linked(signal, controller, start);
  const open = <Q>(encoding: Encoding<P, Q>) =>
    new ReadableStream<Q>(new PieceSource(pieces, controller, encoding), { highWaterMark: 0 });
  return Object.assign(pieces, {
    toReadableStream: () => open<P>({ piece: (piece) => piece }),
    toTextStream: () => open<Uint8Array<ArrayBuffer>>({ piece: ({ text }) => (text ? utf8(text) : undefined) }),
    toEventStream: () =>
      open<Uint8Array<ArrayBuffer>>({
        piece: (piece) => utf8(eventOf(piece)),
        end: () => utf8(eventOf("[DONE]")),
        error: (error) => utf8(eventOf(asEvent(error), "error")),
      }),
  });
}

/** One event. @param type of those streams whose events have names */
export function eventOf(data: unknown, type?: string): string {
  return `${type ? `event: ${type}\n` : ""}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
}

async function* linked<P>(
  signal: AbortSignal | undefined,
  controller: AbortController,
  start: (signal: AbortSignal) => AsyncGenerator<P, void, void>,
): AsyncGenerator<P, void, void> {
  const abort = () => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort);
  try {
    yield* start(controller.signal);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** What becomes of pieces in a stream. */
interface Encoding<P, Q> {
  /** Undefined: nothing. */
  piece(piece: P): Q | undefined;
  /** What comes after the last piece. */
  end?(): Q;
  /** What comes instead of an error, which otherwise is the stream's. */
  error?(error: unknown): Q;
}

class PieceSource<P, Q> implements UnderlyingDefaultSource<Q> {
  readonly #pieces: AsyncGenerator<P, void, void>;
  readonly #abort: AbortController;
  readonly #encoding: Encoding<P, Q>;

  constructor(pieces: AsyncGenerator<P, void, void>, abort: AbortController, encoding: Encoding<P, Q>) {
    this.#pieces = pieces;
    this.#abort = abort;
    this.#encoding = encoding;
  }

  async pull(controller: ReadableStreamDefaultController<Q>): Promise<void> {
    try {
      await this.#enqueueNext(controller);
    } catch (error) {
      if (this.#abort.signal.aborted || !this.#encoding.error) throw error;
      controller.enqueue(this.#encoding.error(error));
      controller.close();
    }
  }

  async cancel(reason: unknown): Promise<void> {
    this.#abort.abort(reason);
    await this.#pieces.return().catch(() => {});
  }

  /** A stream asks once for each chunk, so pieces that become none are skipped here. */
  async #enqueueNext(controller: ReadableStreamDefaultController<Q>): Promise<void> {
    for (let next = await this.#pieces.next(); !next.done; next = await this.#pieces.next()) {
      const chunk = this.#encoding.piece(next.value);
      if (chunk !== undefined) return controller.enqueue(chunk);
    }
    if (this.#encoding.end) controller.enqueue(this.#encoding.end());
    controller.close();
  }
}

function asEvent(error: unknown): { code: string; message: string } {
  if (error instanceof WkvError) return { code: error.code, message: error.message };
  return { code: "error", message: error instanceof Error ? error.message : String(error) };
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
