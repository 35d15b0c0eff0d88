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

  startThread(own) {
    const worker = startWorker(own);
    const thread: Thread = {
      onMessage: () => {},
      onFailure: () => {},
      post: (message, transfer = []) => worker.postMessage(message, transfer),
      keepAlive: () => {},
      stop: async () => worker.terminate(),
    };
    worker.addEventListener("message", ({ data }: MessageEvent<FromThread>) => thread.onMessage(data));
    worker.addEventListener("error", (event) => thread.onFailure(failure(event, own)));
    worker.addEventListener("messageerror", () =>
      thread.onFailure(new WkvError("engine", "A message to a thread was lost.")),
    );
    return thread;
  },
};

/** Workers have to come from the page's own site. @param own the page's file for them */
function startWorker(own: string | URL | undefined): Worker {
  const options = { type: "module", name: "wkv" } as const;
  if (own !== undefined) return new Worker(own, options);
  if (isForeign()) return new Worker(stub(), options);
  // Bundlers look for exactly this form.
  return new Worker(new URL("./browser-worker.js", import.meta.url), { type: "module", name: "wkv" });
}

/** Whether this code comes from another site, such as a CDN. Bundlers may put a file's address here. */
function isForeign(): boolean {
  const here: string = import.meta.url;
  const { protocol, origin } = new URL(here);
  return /^https?:$/.test(protocol) && origin !== location.origin;
}

let stubAddress: string | undefined;

/** A worker of the page's own origin that imports the one beside this code. */
function stub(): string {
  const code = `import ${JSON.stringify(workerAddress())};`;
  return (stubAddress ??= URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
}

function workerAddress(): string {
  const here: string = import.meta.url;
  return new URL("./browser-worker.js", here).href;
}

/** A server may set headers for pages only: browsers then refuse the worker without saying why. */
const NEEDS_HEADER =
  " The file must come with the header Cross-Origin-Embedder-Policy: require-corp, as the page does.";

/** An event without a message says that the worker's code could not be loaded. */
function failure({ message }: ErrorEvent, own: string | URL | undefined): WkvError {
  if (message) return new WkvError("engine", `A thread of the engine failed: ${message}. Load the model again.`);
  const href = workerAddress();
  if (own !== undefined || isForeign())
    return new WkvError(
      "not-found",
      `The worker ${own ?? "blob:"} cannot be loaded: put a file with the line import ${JSON.stringify(href)}; on the page's ` +
        'own site, give its address as { worker: "/that-file.js" }, and allow both in the content security policy.',
    );
  return new WkvError(
    "not-found",
    `The worker ${href} cannot be loaded: browser-worker.js must be next to wkv's code, on the page's site, and ` +
      `the page's content security policy must allow it (worker-src).${globalThis.crossOriginIsolated ? NEEDS_HEADER : ""}`,
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
