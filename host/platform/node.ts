import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Platform, Thread } from "../engine/platform.ts";
import { WkvError } from "../errors.ts";

/** The first Node version that computes relaxed dot products correctly. */
const RELAXED_SINCE = 22;

/** More threads do not read memory any faster. */
const ENOUGH_THREADS = 4;

/** Node, and runtimes with Node's modules: Deno and Bun. Files are next to the bundled code. */
export const platform: Platform = {
  defaultThreads: Math.min(availableParallelism(), ENOUGH_THREADS),
  singleThreadReason: undefined,
  mayRelax: Number.parseInt(process.versions.node, 10) >= RELAXED_SINCE,

  async compile(simd) {
    const url = new URL(simd === "relaxed" ? "./wkv.relaxed.wasm" : "./wkv.wasm", import.meta.url);
    try {
      return await WebAssembly.compile(new Uint8Array(await readFile(url)));
    } catch (cause) {
      throw new WkvError("not-found", `The module ${url.pathname} cannot be loaded: install wkv again.`, { cause });
    }
  },

  startThread() {
    // Without the program's flags: some are refused in a thread (--input-type), and preloads are useless there. V8's
    // flags apply to the whole process.
    const worker = new Worker(new URL("./worker.js", import.meta.url), { name: "wkv", execArgv: [] });
    const thread: Thread = {
      onMessage: () => {},
      onFailure: () => {},
      post: (message, transfer) => worker.postMessage(message, transfer),
      keepAlive: (yes) => (yes ? worker.ref() : worker.unref()),
      stop: async () => {
        worker.ref(); // otherwise a program with nothing else to do would end before the thread
        await worker.terminate();
      },
    };
    worker.on("message", (message) => thread.onMessage(message));
    worker.on("error", (error) => thread.onFailure(error));
    worker.on("exit", (code) =>
      thread.onFailure(new WkvError("engine", `A thread of the engine ended (code ${code}).`)),
    );
    worker.unref(); // after adding the listeners: a new message listener would keep the program alive again
    return thread;
  },
};
