// The messages between the host and the threads of the engine.
import type { WkvErrorCode } from "../errors.ts";

/** The first message to a thread. */
export interface Start {
  readonly start: number;
  readonly threads: number;
  readonly module: WebAssembly.Module;
  /** The memory that all threads share, or the size and first content of one that this thread makes for itself. */
  readonly memory: WebAssembly.Memory | OwnMemory;
}

/** A memory of `pages` pages, with `table` at TABLE. */
export interface OwnMemory {
  readonly pages: number;
  readonly table: Uint8Array;
}

/** Requests to thread 0: a command (op and arguments, see abi.ts), or access to a memory that only it sees. */
export type ToThread =
  | Start
  | { run: number[] }
  | { write: number; bytes: Uint8Array }
  | { read: number; length: number }
  | { copy: number; to: number; length: number }
  | { grow: number };

/** The result of a request: values that were read, whether the threads see one another's writes, or nothing. */
export type Answer = Float32Array | boolean | undefined;
/**
 * Started: a thread other than 0 runs the module, and answers no more messages. Refused: the request cannot be done, and
 * nothing has changed. Failed: the thread cannot be used any more.
 */
export type FromThread =
  | { started: true }
  | { done: Answer }
  | { refused: string; code: WkvErrorCode }
  | { failed: string };
