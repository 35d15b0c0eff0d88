import * as abi from "../assembly/abi.ts";
import { WkvError } from "./errors.ts";
import type { Plan } from "./plan.ts";
import type { Platform, Thread } from "./platform/platform.ts";

/** Messages to thread 0, which lives in an event loop, and its answers. */
export type ToThread = { start: number; module: WebAssembly.Module; memory: WebAssembly.Memory } | { run: number[] };
export type FromThread = { done: true } | { failed: string };

/**
 * The threads and their memory. Commands run one after another, in the order in which they were given; each returns
 * a promise, and the caller's event loop goes on meanwhile.
 */
export class Engine {
  /** Threads that take part in the commands to come. */
  crew: number;
  #memory: WebAssembly.Memory;
  readonly #threads: Thread[];
  readonly #waiting: { resolve(): void; reject(error: unknown): void }[] = [];
  #failure: WkvError | undefined;

  private constructor(memory: WebAssembly.Memory, threads: Thread[]) {
    this.#memory = memory;
    this.#threads = threads;
    this.crew = threads.length;
  }

  get memory(): WebAssembly.Memory {
    return this.#memory;
  }

  /**
   * Makes the memory at the plan's size, writes the model table and starts the threads.
   * @throws WkvError `too-large` when the memory cannot be had, `engine` when a thread does not start
   */
  static async start(plan: Plan, platform: Platform): Promise<Engine> {
    const module = await platform.compile();
    const memory = makeMemory(plan);
    writeTable(plan, memory);
    const threads = Array.from({ length: plan.threads }, () => platform.startThread());
    const engine = new Engine(memory, threads);
    threads.forEach((thread, i) => {
      thread.onMessage = (message: FromThread) => engine.#answer(message);
      thread.onFailure = (error) => engine.#fail(error);
      thread.post({ start: i, module, memory } satisfies ToThread);
    });
    try {
      await engine.#expectAnswer();
    } catch (error) {
      await engine.dispose();
      throw error;
    }
    return engine;
  }

  /** Runs a command (OP_... of abi.ts and its arguments) on the first `crew` threads. */
  run(op: number, ...args: number[]): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#threads[0]?.post({ run: [op, 0, this.crew, ...args] } satisfies ToThread);
    return this.#expectAnswer();
  }

  /** A view of the memory: bytes that stay in place, though the memory may grow. */
  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length);
  }

  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  words(address: number, length: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, address, length);
  }

  /** Stops the threads, whatever they are doing, and lets go of the memory; running commands are rejected. */
  async dispose(): Promise<void> {
    this.#fail(new WkvError("disposed", "The model was disposed while it was working."));
    await Promise.all(this.#threads.map((thread) => thread.stop()));
    const bytes = this.#memory.buffer.byteLength;
    this.#memory = new WebAssembly.Memory({ initial: 0, maximum: 0, shared: true });
    suggestCollection(bytes);
  }

  /** A thread keeps the program alive only while it works. */
  #expectAnswer(): Promise<void> {
    this.#threads[0]?.keepAlive(true);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #answer(message: FromThread): void {
    if (this.#failure) return; // an answer that was on its way must not let the program end before the threads have
    if ("failed" in message) {
      this.#fail(new WkvError("engine", `A thread of the engine failed: ${message.failed}. Load the model again.`));
      return;
    }
    const first = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#threads[0]?.keepAlive(false);
    first?.resolve();
  }

  #fail(error: unknown): void {
    if (this.#failure) return;
    this.#failure = error instanceof WkvError ? error : new WkvError("engine", `The engine failed: ${error}`);
    this.#threads[0]?.keepAlive(false);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
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

function makeMemory(plan: Plan): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: plan.pages, maximum: 65536, shared: true });
  } catch (cause) {
    const mb = Math.ceil((plan.pages * 65536) / 1e6);
    throw new WkvError("too-large", `No memory of ${mb} MB can be had: free some, or take a smaller model.`, { cause });
  }
}

/** Everything that abi.ts says about TABLE, but for the slots, which the loader fills. */
function writeTable(plan: Plan, memory: WebAssembly.Memory): void {
  const { shape } = plan;
  const table = new Uint32Array(memory.buffer, abi.TABLE, abi.TABLE_WORDS);
  table[abi.TABLE_ARCH] = shape.arch;
  table[abi.TABLE_LAYERS] = shape.layers;
  table[abi.TABLE_WIDTH] = shape.width;
  table[abi.TABLE_HEAD_SIZE] = shape.headSize;
  table[abi.TABLE_VOCAB] = shape.vocabSize;
  table[abi.TABLE_SLOTS] = plan.layerSlots;
  table[abi.TABLE_SLOTS_PER_LAYER] = abi.LAYER_SLOTS;
  table[abi.TABLE_GLOBALS] = plan.globalSlots;
  table[abi.TABLE_BUFFERS] = plan.bufferTable;
  table[abi.TABLE_BATCH] = plan.batch;
  table[abi.TABLE_LAYER_STATE] = shape.layerState * 4;
  table[abi.TABLE_SCRATCH] = plan.scratch;
  table[abi.TABLE_SCRATCH_BYTES] = plan.scratchBytes;
  new Float32Array(memory.buffer, abi.TABLE, abi.TABLE_WORDS)[abi.TABLE_GROUP_NORM_EPS] = plan.groupNormEps;
  const buffers = new Uint32Array(memory.buffer, plan.bufferTable, abi.BUFFERS * 4);
  for (const [i, { address, stride, quantised, quantisedStride }] of plan.buffers.entries())
    buffers.set([address, stride, quantised, quantisedStride], i * 4);
}
