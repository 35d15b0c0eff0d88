import type { FromThread, ToThread } from "./protocol.ts";

/** The module's two builds: baseline WebAssembly SIMD only, or relaxed SIMD as well. */
export type Simd = "plain" | "relaxed";

/** What differs between runtimes. */
export interface Platform {
  /** Default number of threads. */
  readonly defaultThreads: number;
  /** Undefined if threads can share memory; else a sentence with the reason and what to change. */
  readonly singleThreadReason: string | undefined;
  /** An isolate: the host's own thread computes, so it has the memory at hand, and memory is short. */
  readonly hostComputes?: boolean;
  /** False if relaxed SIMD is known to be computed incorrectly. */
  readonly mayRelax: boolean;
  /** The module, compiled once. @throws WkvError `not-found` naming the missing file */
  compile(simd: Simd): Promise<WebAssembly.Module>;
  /** @param own browsers: a file of the page's own site that imports the thread's code */
  startThread(own?: string | URL): Thread;
  /** For the debug build: what it is to do, by the words of the model table. */
  readonly debug?: readonly (readonly [word: number, value: number])[];
}

/** A worker, of the runtime's kind. */
export interface Thread {
  onMessage: (message: FromThread) => void;
  onFailure: (error: unknown) => void;
  post(message: ToThread, transfer?: ArrayBuffer[]): void;
  /** Whether this thread should keep the program alive. */
  keepAlive(yes: boolean): void;
  stop(): Promise<void>;
}
