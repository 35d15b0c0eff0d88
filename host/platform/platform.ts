import type { FromThread } from "../engine.ts";

/** What differs between runtimes. */
export interface Platform {
  /** How many threads are worth starting when nobody says. */
  readonly defaultThreads: number;
  /** The module, compiled once. @throws WkvError `not-found` naming the file that is missing */
  compile(): Promise<WebAssembly.Module>;
  startThread(): Thread;
}

/** A worker of whatever kind the runtime has. */
export interface Thread {
  onMessage: (message: FromThread) => void;
  onFailure: (error: unknown) => void;
  post(message: unknown): void;
  /** Whether the program should stay alive for this thread. */
  keepAlive(yes: boolean): void;
  stop(): Promise<void>;
}
