import type { Platform, Thread } from "../engine/platform.ts";
import type { FromThread } from "../engine/protocol.ts";
import { WkvError } from "../errors.ts";

/** More threads do not read memory any faster. */
const ENOUGH_THREADS = 4;

// Bundlers look for exactly this form of URL.
const PLAIN = new URL("./wkv.wasm", import.meta.url);
const RELAXED = new URL("./wkv.relaxed.wasm", import.meta.url);

/** Pages and their workers. The module and the threads' code are next to this file. */
export const platform: Platform = {
  defaultThreads: Math.min(navigator.hardwareConcurrency || 1, ENOUGH_THREADS),
  singleThreadReason: whyAlone(),
  mayRelax: true,

  async compile(simd) {
    const url = simd === "relaxed" ? RELAXED : PLAIN;
    try {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`status ${response.status}`);
      return await WebAssembly.compile(await response.arrayBuffer());
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new WkvError(
        "not-found",
        `The module ${url.href} cannot be loaded (${reason}): wkv.wasm must be next to wkv's code.`,
        { cause },
      );
    }
  },

  startThread() {
    const worker = new Worker(new URL("./browser-worker.js", import.meta.url), { type: "module", name: "wkv" });
    const thread: Thread = {
      onMessage: () => {},
      onFailure: () => {},
      post: (message, transfer = []) => worker.postMessage(message, transfer),
      keepAlive: () => {},
      stop: async () => worker.terminate(),
    };
    worker.addEventListener("message", ({ data }: MessageEvent<FromThread>) => thread.onMessage(data));
    worker.addEventListener("error", (event) => thread.onFailure(failure(event)));
    worker.addEventListener("messageerror", () =>
      thread.onFailure(new WkvError("engine", "A message to a thread was lost.")),
    );
    return thread;
  },
};

/** An event without a message means that the worker's code could not be loaded. */
function failure({ message }: ErrorEvent): WkvError {
  if (message) return new WkvError("engine", `A thread of the engine failed: ${message}. Load the model again.`);
  const { href } = new URL("./browser-worker.js", import.meta.url);
  return new WkvError(
    "not-found",
    `The worker ${href} cannot be loaded: browser-worker.js must be next to wkv's code, on the page's site, and ` +
      "the page's content security policy must allow it (worker-src).",
  );
}

function whyAlone(): string | undefined {
  if (!globalThis.crossOriginIsolated)
    return (
      "this page is not cross-origin isolated: serve it with the headers " +
      "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp."
    );
  if (typeof SharedArrayBuffer === "undefined")
    return "this browser does not let threads share memory: use another one, or a newer version.";
  return undefined;
}
