import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Platform, Simd, Thread } from "../engine/platform.ts";
import { WkvError } from "../errors.ts";
import { OWN_ADDRESS } from "../source/disk/own-address.ts";

/** The first Node that computes relaxed dot products rightly. */
const RELAXED_SINCE = 22;

/** More threads than this do not read memory any faster. */
const ENOUGH_THREADS = 4;

/** What a program brings inside itself instead of as files beside it: the modules as base64, the thread as CommonJS. */
export interface Inlined {
  readonly PLAIN: string;
  readonly RELAXED: string;
  readonly WORKER: string;
}

let inlined: Inlined | undefined;

/** Takes modules and threads from the program from now on. */
export function useInlined(given: Inlined): void {
  inlined = given;
}

/** Node, and what has Node's modules: Deno and Bun. Files lie beside the bundled code. */
export const platform: Platform = {
  defaultThreads: Math.min(availableParallelism(), ENOUGH_THREADS),
  singleThreadReason: undefined,
  mayRelax: Number.parseInt(process.versions.node, 10) >= RELAXED_SINCE,

  async compile(simd) {
    const bytes = inlined
      ? Buffer.from(simd === "relaxed" ? inlined.RELAXED : inlined.PLAIN, "base64")
      : readModule(simd);
    return WebAssembly.compile(new Uint8Array(await bytes));
  },

  startThread() {
    // Without the program's own flags: some are refused in a thread (--input-type), and what others preload is of no use
    // there. Those of V8 hold for the whole process.
    const options = { name: "wkv", execArgv: [] };
    const worker = inlined
      ? new Worker(inlined.WORKER, { ...options, eval: true })
      : new Worker(new URL("./worker.js", OWN_ADDRESS), options);
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

/** Beside this code. */
async function readModule(simd: Simd): Promise<Uint8Array> {
  const url = new URL(simd === "relaxed" ? "./wkv.relaxed.wasm" : "./wkv.wasm", OWN_ADDRESS);
  try {
    return await readFile(url);
  } catch (cause) {
    throw new WkvError(
      "not-found",
      `The module ${fileURLToPath(url)} cannot be loaded: install wkv again. In a bundle, import from wkv/inline, or copy ` +
        "wkv.wasm, wkv.relaxed.wasm and worker.js of node_modules/wkv/build beside it.",
      { cause },
    );
  }
}
