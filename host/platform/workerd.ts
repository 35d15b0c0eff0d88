import type { Platform, Thread } from "../engine/platform.ts";
import { makeThread } from "../engine/worker.ts";
import relaxed from "./wkv.relaxed.wasm";
import plain from "./wkv.wasm";

/** Cloudflare's workerd and what is like it: no threads, no compiling; a module comes with the program. */
export const platform: Platform = {
  defaultThreads: 1,
  singleThreadReason:
    "this runtime has no threads that share memory: run wkv in Node, Deno, Bun or a browser for more.",
  mayRelax: true,
  compile: async (simd) => (simd === "relaxed" ? relaxed : plain),
  startThread: inlineThread,
};

/** The caller's own thread, which computes between turns of its event loop, so that a stream flows meanwhile. */
function inlineThread(): Thread {
  let stopped = false;
  const take = makeThread((message) => thread.onMessage(message));
  const thread: Thread = {
    onMessage: () => {},
    onFailure: () => {},
    post: (message) => {
      setTimeout(() => stopped || take(message));
    },
    keepAlive: () => {},
    stop: async () => {
      stopped = true;
    },
  };
  return thread;
}
