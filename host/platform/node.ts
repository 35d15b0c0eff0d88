import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Platform, Thread } from "../engine/platform.ts";
import { WkvError } from "../errors.ts";
import { OWN_ADDRESS } from "../source/disk/own-address.ts";

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
    const url = new URL(simd === "relaxed" ? "./wkv.relaxed.wasm" : "./wkv.wasm", OWN_ADDRESS);
    try {
      return await WebAssembly.compile(new Uint8Array(await readFile(url)));
    } catch (cause) {
      throw new WkvError(
        "not-found",
        `The module ${fileURLToPath(url)} cannot be loaded: install wkv again. In a bundle, copy wkv.wasm, ` +
          "wkv.relaxed.wasm and worker.js of node_modules/wkv/build beside it, or leave wkv out of it (external).",
        { cause },
      );
    }
  },

  startThread() {
    // Without the program's flags: some are refused in a thread (--input-type), and preloads are useless there. V8's flags
    // apply to the whole process.
    const worker = new Worker(new URL("./worker.js", OWN_ADDRESS), { name: "wkv", execArgv: [] });
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
