import { WkvError } from "../errors.ts";
import type { Answer, ToThread } from "./protocol.ts";

const PAGE = 65536;
/** All that a 32-bit address can reach. */
const MOST_PAGES = 65536;

type Values = Uint8Array | Uint32Array | Float32Array;

/**
 * The module's memory as the host uses it: addresses and sizes in bytes. Nobody reads or writes what a running command
 * works on. Changes come before every command and every read that is asked for later, awaited or not.
 */
export interface EngineMemory {
  write(address: number, values: Values): Promise<void>;
  /** @param into an array of `length` that may be written over and returned, which saves making one */
  read(address: number, length: number, into?: Float32Array): Promise<Float32Array>;
  /** Lets `read` fill `length` bytes at `address`: in place where that can be done. */
  fill(address: number, length: number, read: (target: Uint8Array) => Promise<void>): Promise<void>;
  copy(from: number, to: number, length: number): Promise<void>;
  /**
   * Makes the memory at least `size` bytes long. When there is a promise, that is known only when it resolves; until then,
   * and if it rejects, nothing can be had of what is beyond the end, and all else goes on.
   * @throws WkvError `too-large` when it cannot be had
   */
  grow(size: number): Promise<void> | undefined;
  release(): void;
}

/** @throws WkvError `too-large` when it cannot be had */
export function makeMemory(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: MOST_PAGES, shared: true });
  } catch (cause) {
    const mb = Math.ceil((pages * PAGE) / 1e6);
    throw new WkvError("too-large", `No memory of ${mb} MB can be had: free some, or take a smaller model.`, { cause });
  }
}

/** A memory that the host looks into itself. */
export class SharedMemory implements EngineMemory {
  #memory: WebAssembly.Memory;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  async write(address: number, values: Values): Promise<void> {
    this.#bytes(address, values.byteLength).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  async read(address: number, length: number, into = new Float32Array(length)): Promise<Float32Array> {
    into.set(new Float32Array(this.#memory.buffer, address, length));
    return into;
  }

  fill(address: number, length: number, read: (target: Uint8Array) => Promise<void>): Promise<void> {
    return read(this.#bytes(address, length));
  }

  async copy(from: number, to: number, length: number): Promise<void> {
    this.#bytes(to, length).set(this.#bytes(from, length));
  }

  grow(size: number): undefined {
    growMemory(this.#memory, size);
  }

  release(): void {
    const size = this.#memory.buffer.byteLength;
    this.#memory = new WebAssembly.Memory({ initial: 0, maximum: 0, shared: true });
    suggestCollection(size);
  }

  #bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, length);
  }
}

/** A memory that only thread 0 sees, where none can be shared: everything goes there and comes back as messages. */
export class RemoteMemory implements EngineMemory {
  readonly #ask: (message: ToThread, transfer?: ArrayBuffer[]) => Promise<Answer>;
  /** Bytes that are known to be there. */
  #size = 0;

  constructor(ask: (message: ToThread, transfer?: ArrayBuffer[]) => Promise<Answer>) {
    this.#ask = ask;
  }

  // What is not awaited may fail unheard: so these promises are the engine's own, which it has seen to.
  write(address: number, values: Values): Promise<void> {
    return this.#ask({
      write: address,
      bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    }) as Promise<void>;
  }

  async read(address: number, length: number): Promise<Float32Array> {
    return (await this.#ask({ read: address, length })) as Float32Array;
  }

  async fill(address: number, length: number, read: (target: Uint8Array) => Promise<void>): Promise<void> {
    const bytes = new Uint8Array(length);
    await read(bytes);
    await this.#ask({ write: address, bytes }, [bytes.buffer]);
  }

  copy(from: number, to: number, length: number): Promise<void> {
    return this.#ask({ copy: from, to, length }) as Promise<void>;
  }

  /** The thread finds out whether there is that much. */
  grow(size: number): Promise<void> | undefined {
    if (size <= this.#size) return undefined;
    if (size > MOST_PAGES * PAGE) throw cannotGrow(size);
    return this.#ask({ grow: size }).then(() => {
      this.#size = Math.max(this.#size, size);
    });
  }

  release(): void {}
}

/**
 * Makes a memory at least `size` bytes long.
 * @throws WkvError `too-large` when it cannot be had
 */
export function growMemory(memory: WebAssembly.Memory, size: number): void {
  const missing = Math.ceil((size - memory.buffer.byteLength) / PAGE);
  if (missing <= 0) return;
  try {
    memory.grow(missing);
  } catch (cause) {
    throw cannotGrow(size, cause);
  }
}

/** What a session is told that finds no place. */
export function cannotGrow(size: number, cause?: unknown): WkvError {
  const mb = Math.ceil(size / 1e6);
  const message = `No memory for another session (${mb} MB in all): dispose of sessions that are done.`;
  return new WkvError("too-large", message, { cause });
}

/**
 * V8 does not count shared memory when it decides whether to collect garbage, so that a program which loads one model
 * after the other would keep them all. A buffer of the same size counts; nothing writes to it, so it takes no memory.
 */
function suggestCollection(bytes: number): void {
  try {
    new ArrayBuffer(bytes);
  } catch {
    // No address space for it: then V8 collects on its own account.
  }
}
