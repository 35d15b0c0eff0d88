import { eventOf } from "../session/streams.ts";
import type { HttpError } from "./errors.ts";
import { EVENTS, type StreamFormat } from "./events.ts";
import type { Timings, UsageAnswer } from "./usage.ts";

/** How an answer's chunks are sent: as a stream, or as one object with what they add up to. */
export interface Wire<Chunk> {
  readonly format: StreamFormat;
  events(chunks: AsyncGenerator<Chunk, void, void>): AsyncGenerator<string, void, void>;
  /** An error after the first byte. */
  failed(error: HttpError): string;
  fold(chunks: AsyncIterable<Chunk>): Promise<object>;
}

/** A chunk of an answer. Only the last one has the usage. */
export interface TextChunk {
  readonly usage: UsageAnswer | null;
  readonly timings?: Timings;
}

/** OpenAI's streams, which end with `[DONE]`. @param withUsage whether the client asked for the last chunk */
export function chunkWire<Chunk extends TextChunk>(
  withUsage: boolean | null | undefined,
  fold: Wire<Chunk>["fold"],
): Wire<Chunk> {
  return {
    format: EVENTS,
    async *events(chunks) {
      for await (const { usage, timings, ...chunk } of chunks) {
        if (usage === null) yield eventOf(withUsage ? { ...chunk, usage } : chunk);
        else if (withUsage) yield eventOf({ ...chunk, usage, timings });
      }
      yield eventOf("[DONE]");
    },
    failed: (error) => eventOf(error),
    fold,
  };
}
