import type { Context as Call, Hono } from "hono";
import type { Client } from "./auth.ts";
import type { TaskLimits } from "./chat-request.ts";
import { asHttpError, type HttpError } from "./errors.ts";
import { eventStream } from "./events.ts";
import type { Metrics } from "./metrics.ts";
import type { Models } from "./models.ts";
import type { Queue } from "./queue.ts";
import { FIELD_NAMES } from "./sampling-fields.ts";
import type { States } from "./states.ts";
import type { Wire } from "./wire.ts";
import { Work } from "./work.ts";

/** Variables of a request in hono. */
export interface Env {
  Variables: { client: Client };
}

export type App = Hono<Env>;
export type RequestContext = Call<Env>;

/** Shared by the routes. */
export interface ServerContext {
  readonly models: Models;
  readonly queue: Queue;
  readonly metrics: Metrics;
  readonly states: States;
  readonly limits: TaskLimits;
  readonly deadlineMs: number;
  readonly slowReaderMs: number;
  /** The server accepts no more requests. */
  readonly closing: AbortSignal;
  /** Requests being answered. */
  readonly works: Set<Work>;
  /** Reports errors that are not the client's fault to the server's log. */
  report(error: unknown): void;
}

export function startWork(context: ServerContext, call: RequestContext): Work {
  const work = new Work(call.req.raw, context.deadlineMs);
  context.works.add(work);
  work.onEnd(() => context.works.delete(work));
  work.signal.addEventListener("abort", () => {
    if ((work.signal.reason as HttpError).status === 499) context.metrics.count("cancelled");
  });
  return work;
}

/** Does work that ends with its answer. */
export async function during<T>(work: Work, answer: () => Promise<T>): Promise<T> {
  try {
    return await answer();
  } finally {
    work.end();
  }
}

/** An error as the client sees it. */
export function httpError(context: ServerContext, error: unknown): HttpError {
  const known = asHttpError(error, FIELD_NAMES);
  if (known.status === 500) context.report(known.cause ?? error);
  return known;
}

/** Answers with the stream of a piece of work, which ends with it. */
export function streamOf<Chunk>(
  context: ServerContext,
  work: Work,
  wire: Wire<Chunk>,
  chunks: AsyncGenerator<Chunk, void, void>,
): Response {
  return eventStream(wire.events(chunks), {
    format: wire.format,
    failed: (error) => wire.failed(httpError(context, error)),
    left: () => work.cancel(),
    ended: () => work.end(),
    slowReaderMs: context.slowReaderMs,
  });
}

/** A name that no other answer has; later ones come later in the alphabet. */
export function newId(prefix: string): string {
  const time = Date.now().toString(16).padStart(12, "0");
  return prefix + time + crypto.randomUUID().replaceAll("-", "").slice(12);
}
