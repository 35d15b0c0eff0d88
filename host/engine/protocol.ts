// The messages between the host and the threads of the engine.
import type { WkvErrorCode } from "../errors.ts";

/** The first message to a thread. */
export interface Start {
  readonly start: number;
  readonly threads: number;
  readonly module: WebAssembly.Module;
  /** The memory shared by all threads, or the size and initial content of a private memory that this thread creates. */
  readonly memory: WebAssembly.Memory | OwnMemory;
}

/** A memory of `pages` pages, with `table` at TABLE. */
export interface OwnMemory {
  readonly pages: number;
  readonly table: Uint8Array;
}

/** Requests to thread 0: commands (op, 0, threads, arguments: see abi.ts), or access to a memory that only this thread sees. */
export type ToThread =
  | Start
  | { run: readonly number[][] }
  | { write: number; bytes: Uint8Array }
  | { read: number; length: number }
  | { copy: number; to: number; length: number }
  | { grow: number };

/** The result of a request: values read, whether the threads see each other's writes, or nothing. */
export type Answer = Float32Array | boolean | undefined;
/**
 * Started: a thread other than 0 runs the module, and sends no more messages. Refused: the request is impossible, and
 * nothing has changed. Failed: the thread is unusable.
 */
export type FromThread =
  | { started: true }
  | { done: Answer }
  | { refused: string; code: WkvErrorCode }
  | { failed: string };
