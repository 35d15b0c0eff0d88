import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { TABLE_END_PHASE, TABLE_END_THREAD, TABLE_SCHEDULE } from "../../assembly/abi.ts";
import type { Platform, Simd, Thread } from "../engine/platform.ts";
import { WkvError } from "../errors.ts";
import { OWN_ADDRESS } from "../source/disk/own-address.ts";

/** WKV_WASM=debug: the kernels with asserts and names, which `npm run build:debug` makes; see CONTRIBUTING. */
const DEBUG = process.env.WKV_WASM === "debug";

/** The first Node that computes relaxed dot products rightly. */
const RELAXED_SINCE = 22;

/** More threads do not read memory any faster. */
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

/** Node, and what has Node's modules: Deno and Bun. Files are next to the bundled code. */
export const platform: Platform = {
  defaultThreads: Math.min(availableParallelism(), ENOUGH_THREADS),
  singleThreadReason: undefined,
  mayRelax: !DEBUG && Number.parseInt(process.versions.node, 10) >= RELAXED_SINCE,

  async compile(simd) {
    const bytes =
      inlined && !DEBUG
        ? Buffer.from(simd === "relaxed" ? inlined.RELAXED : inlined.PLAIN, "base64")
        : readModule(simd);
    return WebAssembly.compile(new Uint8Array(await bytes));
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
    const options = { name: "wkv", execArgv: [] };
    const worker = inlined
      ? new Worker(inlined.WORKER, { ...options, eval: true })
      : new Worker(
          import.meta.url ? new URL("./worker.js", import.meta.url) : new URL("./worker.js", OWN_ADDRESS),
          options,
        );
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

/** Beside this code. Bundlers look for exactly these forms of address; in CommonJS that they make there is no import.meta. */
function moduleAddress(simd: Simd): URL {
  if (DEBUG) return new URL("./wkv.debug.wasm", OWN_ADDRESS);
  if (!import.meta.url) return new URL(simd === "relaxed" ? "./wkv.relaxed.wasm" : "./wkv.wasm", OWN_ADDRESS);
  return simd === "relaxed" ? new URL("./wkv.relaxed.wasm", import.meta.url) : new URL("./wkv.wasm", import.meta.url);
}

async function readModule(simd: Simd): Promise<Uint8Array> {
  const url = moduleAddress(simd);
  try {
    return await readFile(url);
  } catch (cause) {
    throw new WkvError(
      "not-found",
      `The module ${fileURLToPath(url)} cannot be loaded: ${DEBUG ? "run npm run build:debug" : "install wkv again"}. In a bundle, import from wkv/inline, or copy ` +
        "wkv.wasm, wkv.relaxed.wasm and worker.js of node_modules/wkv/build beside it.",
      { cause },
    );
  }
}
