/** An OpenAI-compatible server: `import { createServer } from "wkv/server"`. */

import { createStorage } from "unstorage";
import type { ChatTemplate } from "../chat/index.ts";
import { checkNames } from "../options/names.ts";
import { makeApp } from "./app.ts";
import { Keys } from "./auth.ts";
import type { ServerContext } from "./context.ts";
import { HttpError } from "./errors.ts";
import { Metrics } from "./metrics.ts";
import { Models, type ServedModels } from "./models.ts";
import { Queue } from "./queue.ts";
import type { StateStorage } from "./state-storage.ts";
import { States } from "./states.ts";

export type { ServedModels } from "./models.ts";
export type { StateStorage } from "./state-storage.ts";

export interface ServerOptions {
  /** Accepted API keys. Each sees only its own states. Default: none, no authentication. */
  apiKeys?: readonly string[] | undefined;
  /** How messages become prompts: a name ("raven", "world", "g1"), a Jinja template, or an object. Default: the model's. */
  template?: string | ChatTemplate | undefined;
  /** Texts generated at the same time. Default 16. */
  parallel?: number | undefined;
  /** Requests that may wait for their turn; further ones get 429. Default 64. */
  waiting?: number | undefined;
  /** Maximum tokens per text, and the default where a request does not limit them. Default 2048. */
  maxTokens?: number | undefined;
  /** Seconds from the arrival of a request to the end of its answer. Default 600. */
  deadline?: number | undefined;
  /** Seconds after which a stream is closed if its reader takes nothing. Default 30. */
  slowReader?: number | undefined;
  /** Maximum request size in bytes. Default 4 MiB. */
  maxBodyBytes?: number | undefined;
  /** Storage of named states: any storage of unstorage. Default: in memory. */
  storage?: StateStorage | undefined;
  /** Maximum named states per key. Default 1000. */
  maxStates?: number | undefined;
  /** Most responses of one key that `previous_response_id` can continue; the oldest are forgotten. Default 64. */
  maxResponses?: number | undefined;
  /** Maximum size of a named state in bytes. Default 64 MiB. */
  maxStateBytes?: number | undefined;
  /** Origins of pages that may send requests, or "*". Default: none. */
  cors?: readonly string[] | undefined;
  /** Accepted host names, without ports. Default: any. */
  hosts?: readonly string[] | undefined;
  /** Serves GET /metrics. Default false. */
  metrics?: boolean | undefined;
  /** Receives errors that are not the client's fault. Default: console.error. */
  onError?: ((error: unknown) => void) | undefined;
}

const SERVER_OPTIONS = {
  apiKeys: true,
  template: true,
  parallel: true,
  waiting: true,
  maxTokens: true,
  deadline: true,
  slowReader: true,
  maxBodyBytes: true,
  storage: true,
  maxStates: true,
  maxResponses: true,
  maxStateBytes: true,
  cors: true,
  hosts: true,
  metrics: true,
  onError: true,
} as const satisfies Record<keyof ServerOptions, true>;

export interface Server {
  /** Answers a request: for Deno.serve, Bun.serve, a Worker, hono's adapters. */
  readonly fetch: (request: Request) => Promise<Response>;
  /**
   * Accepts no more requests and waits for the running ones.
   * @param seconds after which running requests are ended; default 30
   */
  close(seconds?: number): Promise<void>;
}

/**
 * A server for one or several models, as a function from request to response. The caller disposes of the models, after
 * `close()`.
 * @throws RangeError or TypeError naming the invalid option
 * @example
 * const server = createServer(model, { maxTokens: 100 });
 * const response = await server.fetch(new Request("http://localhost/v1/models"));
 * console.log(await response.json());
 * await server.close();
 */
export function createServer(models: ServedModels, options: ServerOptions = {}): Server {
  checkNames(options, SERVER_OPTIONS, "createServer");
  const { storage = createStorage(), maxBodyBytes = 4 << 20, maxStateBytes = 64 << 20 } = options;
  const parallel = whole("parallel", options.parallel, 16);
  const queue = new Queue({ parallel, waiting: whole("waiting", options.waiting, 64) });
  const closing = new AbortController();
  const context: ServerContext = {
    models: new Models(models, options.template),
    queue,
    metrics: metricsOf(queue),
    states: new States(storage, {
      count: whole("maxStates", options.maxStates, 1000),
      bytes: maxStateBytes,
      responses: whole("maxResponses", options.maxResponses, 64),
    }),
    limits: { n: Math.min(parallel, 128), maxTokens: whole("maxTokens", options.maxTokens, 2048) },
    deadlineMs: 1000 * whole("deadline", options.deadline, 600),
    slowReaderMs: 1000 * whole("slowReader", options.slowReader, 30),
    closing: closing.signal,
    works: new Set(),
    report: options.onError ?? ((error) => console.error(error)),
  };
  const { apiKeys = [], cors = [], hosts, metrics = false } = options;
  const app = makeApp(context, { keys: new Keys(apiKeys), maxBodyBytes, maxStateBytes, cors, hosts, metrics });
  return {
    fetch: async (request) => app.fetch(request),
    close: (seconds = 30) => close(context, closing, seconds),
  };
}

function metricsOf(queue: Queue): Metrics {
  const metrics = new Metrics();
  metrics.gauge("running", "Texts being generated.", () => queue.running);
  metrics.gauge("waiting", "Requests waiting for their turn.", () => queue.waiting);
  return metrics;
}

async function close({ works }: ServerContext, closing: AbortController, seconds: number): Promise<void> {
  const reason = new HttpError(503, "The server is shutting down.", { code: "shutting_down" });
  closing.abort(reason);
  const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
  for (const end = Date.now() + 1000 * seconds; works.size > 0 && Date.now() < end; ) await pause();
  for (const work of works) work.stop(reason);
  while (works.size > 0) await pause();
}

function whole(name: string, value: number | undefined, otherwise: number): number {
  const given = value ?? otherwise;
  if (!Number.isSafeInteger(given) || given < 1)
    throw new RangeError(`"${name}" expected a whole number from 1 on, got ${given}`);
  return given;
}
