import type { FromThread, ToThread } from "./protocol.ts";

/** The module's two builds: with the instructions that every WebAssembly SIMD has, or with relaxed SIMD as well. */
export type Simd = "plain" | "relaxed";

/** What differs between runtimes. */
export interface Platform {
  /** How many threads are worth starting when nobody says. */
  readonly defaultThreads: number;
  /** Undefined where threads can share memory; else a sentence that says why not, and what to change. */
  readonly singleThreadReason: string | undefined;
  /** False where relaxed SIMD is known to be computed wrongly. */
  readonly mayRelax: boolean;
  /** The module, compiled once. @throws WkvError `not-found` naming the file that is missing */
  compile(simd: Simd): Promise<WebAssembly.Module>;
  /** @param own browsers: a file of the page's own site that imports the thread's code */
  startThread(own?: string | URL): Thread;
}

/** A worker of whatever kind the runtime has. */
export interface Thread {
  onMessage: (message: FromThread) => void;
  onFailure: (error: unknown) => void;
  post(message: ToThread, transfer?: ArrayBuffer[]): void;
  /** Whether the program should stay alive for this thread. */
  keepAlive(yes: boolean): void;
  stop(): Promise<void>;
}
