import type { Platform, Thread } from "../engine/platform.ts";
import { makeThread } from "../engine/worker.ts";
import relaxed from "./wkv.relaxed.wasm";
import plain from "./wkv.wasm";

/** Cloudflare's workerd and compatible runtimes: no threads, no compilation; the module is part of the program. */
export const platform: Platform = {
  defaultThreads: 1,
  singleThreadReason:
    "this runtime has no threads that share memory: run wkv in Node, Deno, Bun or a browser for more.",
  hostComputes: true,
  mayRelax: true,
  compile: async (simd) => (simd === "relaxed" ? relaxed : plain),
  startThread: inlineThread,
};

/** The caller's thread, which computes between turns of its event loop, so that streams keep flowing. */
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
