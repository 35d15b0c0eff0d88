import { files } from "#files";
import { WkvError } from "../../errors.ts";
import { decoded, shown } from "./address.ts";

const MAX_REDIRECTS = 10;
const OK = 200;
/** Statuses of a range request: partial content, and no such range. */
const OF_RANGES = new Set([206, 416]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export interface RequestOptions {
  /** Bytes [first, end) only, if the server supports that. */
  readonly range?: { first: number; end: number } | undefined;
  /** A bearer token; not sent to other sites that the server redirects to. */
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without data after which a request fails. Default: 30 s. */
  readonly stallAfter?: number | undefined;
}

/** A failure that may not recur: a broken connection, a busy server. */
export class TransientError extends WkvError {
  /** The server's Retry-After, in milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(message: string, retryAfter?: number, cause?: unknown) {
    super("network", message, { cause });
    this.retryAfter = retryAfter;
  }
}

/** A response, and its body piece by piece. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** @throws TransientError if the connection breaks or stalls */
  body(): AsyncGenerator<Uint8Array, void, void>;
  /** Closes the connection. */
  cancel(): void;
}

/**
 * GET. Redirects are followed, to http(s) only, and never from https to http.
 * @returns a response with status 200; for a range also 206, or 416 if the file has no such range
 * @throws WkvError `not-found` for a client error such as 404, `network` for a refused redirect; TransientError if a
 *   retry may succeed; the signal's reason
 */
export async function request(url: URL, options: RequestOptions = {}): Promise<Answer> {
  const { signal, stallAfter = 30_000 } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const guard = new StallGuard(url, controller, stallAfter, signal);
  try {
    const response = await guard.race(follow(url, options, controller.signal));
    if (response.status !== OK && !(options.range && OF_RANGES.has(response.status))) {
      controller.abort();
      throw statusError(url, response);
    }
    return {
      status: response.status,
      headers: response.headers,
      body: () => pieces(response, guard),
      cancel: () => {
        guard.end();
        controller.abort();
      },
    };
  } catch (error) {
    guard.end();
    throw guard.explain(error);
  }
}

/** The whole response, as JSON. @throws also WkvError `network` if it is not JSON or larger than 16 MB */
export async function requestJson(url: URL, options: RequestOptions): Promise<unknown> {
  const answer = await request(url, options);
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of answer.body()) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > 16e6) throw new WkvError("network", `${shown(url)} sent more than a list of files.`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new WkvError("network", `${shown(url)} does not respond like a hub: check the endpoint.`, { cause });
  }
}

/** A page sees only the last redirect; elsewhere each is checked before it is followed. */
async function follow(start: URL, { range, token }: RequestOptions, signal: AbortSignal): Promise<Response> {
  const manual = files !== undefined;
  const authorization = authorizationFor(start, token);
  const fetch = (await files?.proxyFetch()) ?? globalThis.fetch;
  let url = new URL(shown(start)); // fetch refuses credentials in addresses
  for (let i = 0; i <= MAX_REDIRECTS; i++) {
    const headers: Record<string, string> = manual ? { "accept-encoding": "identity" } : {};
    if (range) headers.range = `bytes=${range.first}-${range.end - 1}`;
    if (authorization && url.origin === start.origin) headers.authorization = authorization;
    const response = await fetch(url, { headers, signal, redirect: manual ? "manual" : "follow" });
    if (!REDIRECTS.has(response.status)) {
      if (!manual) checkRedirect(start, new URL(response.url || start));
      return response;
    }
    await response.body?.cancel();
    const next = new URL(response.headers.get("location") ?? "", url);
    checkRedirect(url, next);
    url = next;
  }
  throw new WkvError("network", `${shown(start)} redirects more than ${MAX_REDIRECTS} times: check the address.`);
}

/** Credentials in the address take precedence over a token. */
function authorizationFor({ username, password }: URL, token: string | undefined): string | undefined {
  if (!username && !password) return token ? `Bearer ${token}` : undefined;
  const bytes = new TextEncoder().encode(`${decoded(username)}:${decoded(password)}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

function checkRedirect(from: URL, to: URL): void {
  if (to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:")) return;
  throw new WkvError(
    "network",
    `${shown(from)} redirects to ${to.protocol}, which is not followed: give an address that leads to http or https.`,
  );
}

function statusError(url: URL, { status, headers }: Response): WkvError {
  const says = `${shown(url)} responds with ${status}`;
  if (status === 401 || status === 403)
    return new WkvError(
      "not-found",
      `${says}: it is private or gated; check the name, accept the model's licence on its page, or set HF_TOKEN.`,
    );
  if (status === 408 || status === 429 || status >= 500)
    return new TransientError(`${says}: the server is failing or busy; try again later.`, retryAfter(headers));
  if (status < 400) return new WkvError("network", `${says} and no file: try again later, or check the address.`);
  return new WkvError("not-found", `${says}: check the address.`);
}

function retryAfter(headers: Headers): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

async function* pieces(response: Response, guard: StallGuard): AsyncGenerator<Uint8Array, void, void> {
  // Not `for await`: Safari cannot iterate over a stream.
  const reader = response.body?.getReader();
  try {
    for (let next = await guard.race(reader?.read()); next && !next.done; next = await guard.race(reader?.read())) {
      guard.alive();
      yield next.value;
    }
  } catch (error) {
    throw guard.explain(error);
  } finally {
    guard.end();
    reader?.cancel().catch(() => {});
  }
}

/**
 * Ends a request that has stalled or that its caller aborts, and gives the reason. Every wait of the request also waits
 * for this: Node 20's fetch may lose its signal to garbage collection.
 */
class StallGuard {
  readonly #url: URL;
  readonly #stallAfter: number;
  readonly #signal: AbortSignal | undefined;
  readonly #ended: Promise<never>;
  #end: () => void = () => {};
  #timer: ReturnType<typeof setTimeout>;
  #stalled = false;

  constructor(url: URL, controller: AbortController, stallAfter: number, signal: AbortSignal | undefined) {
    this.#url = url;
    this.#stallAfter = stallAfter;
    this.#signal = signal;
    this.#ended = new Promise((_, reject) => {
      this.#end = () => {
        controller.abort();
        reject(new Error("the request was ended"));
      };
    });
    this.#ended.catch(() => {}); // not every rejection is awaited
    this.#timer = this.#start();
    signal?.addEventListener("abort", this.#end);
  }

  race<T>(work: T | Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended]);
  }

  alive(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#end);
  }

  /** The error to throw for an error of the request. */
  explain(error: unknown): unknown {
    if (this.#signal?.aborted) return this.#signal.reason;
    if (error instanceof WkvError) return error;
    const seconds = this.#stallAfter / 1000;
    if (this.#stalled)
      return new TransientError(`${this.#url.host} has sent nothing for ${seconds} s: check the network.`);
    // undici says "fetch failed" and has the reason in the cause.
    const { message, cause } = error as Error;
    const reason = cause instanceof Error && cause.message ? cause.message : message;
    return new TransientError(
      `${shown(this.#url)} cannot be fetched (${reason}): check the address and the network.`,
      undefined,
      error,
    );
  }

  #start() {
    return setTimeout(() => {
      this.#stalled = true;
      this.#end();
    }, this.#stallAfter);
  }
}
