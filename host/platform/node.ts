import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { TABLE_END_PHASE, TABLE_END_THREAD, TABLE_SCHEDULE } from "../../assembly/abi.ts";
import type { Platform, Thread } from "../engine/platform.ts";
import { WkvError } from "../errors.ts";

/** WKV_WASM=debug: the kernels with asserts and names, which `npm run build:debug` makes; see CONTRIBUTING. */
const DEBUG = process.env.WKV_WASM === "debug";

/** The first Node that computes relaxed dot products rightly. */
const RELAXED_SINCE = 22;

/** More threads than this do not read memory any faster. */
const ENOUGH_THREADS = 4;

/** Node, and what has Node's modules: Deno and Bun. Files lie beside the bundled code. */
export const platform: Platform = {
  defaultThreads: Math.min(availableParallelism(), ENOUGH_THREADS),
  singleThreadReason: undefined,
  mayRelax: !DEBUG && Number.parseInt(process.versions.node, 10) >= RELAXED_SINCE,

  async compile(simd) {
    const name = DEBUG ? "wkv.debug.wasm" : simd === "relaxed" ? "wkv.relaxed.wasm" : "wkv.wasm";
    const url = new URL(name, import.meta.url);
    try {
      return await WebAssembly.compile(new Uint8Array(await readFile(url)));
    } catch (cause) {
      throw new WkvError(
        "not-found",
        `The module ${url.pathname} cannot be loaded: ${DEBUG ? "run npm run build:debug" : "install wkv again"}.`,
        { cause },
      );
    }
  },

  get debug() {
    if (!DEBUG) return [];
    const [schedule = 0, endThread = 0, endPhase = 0] = (process.env.WKV_SCHEDULE ?? "").split(",").map(Number);
    return [
      [TABLE_SCHEDULE, schedule],
      [TABLE_END_THREAD, endThread],
      [TABLE_END_PHASE, endPhase],
    ] as const;
  },

  startThread() {
    // Without the program's own flags: some are refused in a thread (--input-type), and what others preload is of no use
    // there. Those of V8 hold for the whole process.
    const worker = new Worker(new URL("./worker.js", import.meta.url), { name: "wkv", execArgv: [] });
    const thread: Thread = {
      onMessage: () => {},
      onFailure: () => {},
      post: (message, transfer) => worker.postMessage(message, transfer),
      keepAlive: (yes) => (yes ? worker.ref() : worker.unref()),
      stop: async () => {
        worker.ref(); // or a program with nothing else to do would end before the thread has
        await worker.terminate();
      },
    };
    worker.on("message", (message) => thread.onMessage(message));
    worker.on("error", (error) => thread.onFailure(error));
    worker.on("exit", (code) =>
      thread.onFailure(new WkvError("engine", `A thread of the engine ended (code ${code}).`)),
    );
    worker.unref(); // after the listeners: a new one for messages would keep the program alive again
    return thread;
  },
};
