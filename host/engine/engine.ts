import * as abi from "../../assembly/abi.ts";
import * as buf from "../../assembly/buffers.ts";
import * as W from "../../assembly/slots.ts";
import { WkvError } from "../errors.ts";
import type { EmbeddingRows } from "./embedding.ts";
import { type EngineMemory, makeMemory, RemoteMemory, SharedMemory } from "./memory.ts";
import type { Plan } from "./plan.ts";
import type { Platform, Thread } from "./platform.ts";
import type { Answer, FromThread, Start, ToThread } from "./protocol.ts";
import { DOT_KINDS, type Kernels } from "./simd.ts";

/** Milliseconds after which a thread that has not started counts as failed. */
const START_LIMIT = 20_000;

/** An OP_... of abi.ts and its arguments. */
export type Command = readonly [op: number, ...args: number[]];

export interface RunOptions {
  /** Number of threads to use. Default: all. */
  readonly threads?: number | undefined;
}

/** What can start before the plan is known: compiling the module, starting the threads. */
export interface Prepared {
  readonly kernels: Kernels;
  readonly module: Promise<WebAssembly.Module>;
  readonly threads: readonly Thread[];
  /** The reason if threads did not start. */
  readonly failures: unknown[];
}

/** Blocks of a matrix that are read in turn when one token is decoded. */
const STREAMS = 4;
/** The reason for a single thread on a platform that supports more. */
const NOT_SHARED =
  "the threads of this runtime do not see each other's writes to shared memory: use a newer version of it.";

/**
 * The threads and their memory. Commands run in the order in which they were issued; each returns a promise, and the
 * caller's event loop keeps running.
 */
export class Engine {
  readonly kernels: Kernels;
  readonly memory: EngineMemory;
  /** The reason for a single thread, whatever number was requested. */
  readonly singleThreadReason: string | undefined;
  /** Where the plan has the embedding outside. */
  embedding: EmbeddingRows | undefined;
  readonly #threads: Thread[];
  readonly #started: Promise<boolean>;
  readonly #waiting: { resolve(answer: Answer): void; reject(error: unknown): void }[] = [];
  #failure: WkvError | undefined;

  private constructor(threads: Thread[], kernels: Kernels, memory?: WebAssembly.Memory, singleThreadReason?: string) {
    this.kernels = kernels;
    this.memory = memory ? new SharedMemory(memory) : new RemoteMemory((...message) => this.#ask(...message));
    this.singleThreadReason = singleThreadReason;
    this.#threads = threads;
    this.#started = startsOf(threads.slice(1), (error) => this.#fail(error));
    const first = threads[0] as Thread;
    first.onMessage = (message) => this.#answer(message);
    first.onFailure = (error) => this.#fail(error);
  }

  /** Compiles the module and starts threads; pass the result to `start` or to `discard`. */
  static prepare(platform: Platform, kernels: Kernels, count: number): Prepared {
    const module = platform.compile(kernels.simd);
    module.catch(() => {}); // start() reports it
    const length = platform.singleThreadReason === undefined ? count : 1;
    const failures: unknown[] = [];
    const threads = Array.from({ length }, () => platform.startThread());
    for (const thread of threads) thread.onFailure = (error) => failures.push(error);
    return { kernels, module, threads, failures };
  }

  static async discard({ threads }: Prepared): Promise<void> {
    await Promise.all(threads.map((thread) => thread.stop()));
  }

  /**
   * Creates the memory at the plan's size, with the model table, and starts the threads. If they cannot share it, or
   * turn out not to see each other's writes, there is one thread with private memory.
   * @throws WkvError `too-large` if the memory cannot be allocated, `not-found` if a file of the package is missing,
   *   `engine` if a thread does not start
   */
  static async start(plan: Plan, platform: Platform, prepared: Prepared): Promise<Engine> {
    const { kernels } = prepared;
    const table = modelTable(plan, kernels, platform.debug);
    let threads = [...prepared.threads];
    try {
      const module = await prepared.module;
      if (prepared.failures.length > 0) throw prepared.failures[0];
      let reason = platform.singleThreadReason;
      if (reason === undefined || platform.hostComputes) {
        const memory = makeMemory(plan.pages);
        new Uint8Array(memory.buffer).set(table, abi.TABLE);
        const engine = new Engine(threads, kernels, memory, reason);
        if (await engine.#start(module, memory)) return engine;
        await engine.dispose();
        reason = NOT_SHARED;
        threads = [platform.startThread()];
      }
      const engine = new Engine(threads, kernels, undefined, reason);
      await engine.#start(module, { pages: plan.pages, table });
      return engine;
    } catch (error) {
      await Engine.discard({ ...prepared, threads });
      throw error;
    }
  }

  /** Whether the threads see each other's writes. */
  async #start(module: WebAssembly.Module, memory: Start["memory"]): Promise<boolean> {
    const start = (thread: number): Start => ({ start: thread, threads: this.threads, module, memory });
    for (const [i, thread] of this.#threads.entries()) if (i > 0) thread.post(start(i));
    return (await this.#started) && (await this.#ask(start(0))) === true;
  }

  get threads(): number {
    return this.#threads.length;
  }

  /** Runs a command: an OP_... of abi.ts and its arguments. */
  async run(op: number, args: readonly number[], { threads = this.threads }: RunOptions = {}): Promise<void> {
    await this.#ask({ run: [[op, 0, threads, ...args]] });
  }

  /** Runs commands in one request: a request and its answer take 0.1 ms, more than many a command of the loader. */
  async runAll(commands: readonly Command[]): Promise<void> {
    if (commands.length === 0) return;
    await this.#ask({ run: commands.map(([op, ...args]) => [op, 0, this.threads, ...args]) });
  }

  /** Stops the threads, whatever they are doing, and releases the memory; running commands are rejected. */
  async dispose(): Promise<void> {
    this.#fail(new WkvError("disposed", "The model was disposed while it was working."));
    await Promise.all(this.#threads.map((thread) => thread.stop()));
    this.memory.release();
    await this.embedding?.close();
  }

  /** Sends a request to thread 0 and keeps the program alive until it has answered. */
  #ask(message: ToThread, transfer?: ArrayBuffer[]): Promise<Answer> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#threads[0]?.post(message, transfer);
    this.#threads[0]?.keepAlive(true);
    const answer = new Promise<Answer>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    answer.catch(() => {}); // callers that do not await it get the failure from their next request
    return answer;
  }

  #answer(message: FromThread): void {
    if (this.#failure) return; // a late answer must not let the program end before the threads have
    if ("failed" in message) {
      this.#fail(threadFailure(message.failed));
      return;
    }
    const first = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#threads[0]?.keepAlive(false);
    if ("started" in message) return;
    if ("refused" in message) first?.reject(new WkvError(message.code, message.refused));
    else first?.resolve(message.done);
  }

  #fail(error: unknown): void {
    if (this.#failure) return;
    this.#failure = error instanceof WkvError ? error : new WkvError("engine", `The engine failed: ${error}`);
    this.#threads[0]?.keepAlive(false);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

/** Resolves when all of these threads run the module; to false if one does not start in time. */
function startsOf(threads: readonly Thread[], onFailure: (error: unknown) => void): Promise<boolean> {
  let left = threads.length;
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), START_LIMIT);
    const end = () => {
      clearTimeout(timer);
      resolve(true);
    };
    for (const thread of threads) {
      thread.onMessage = (message) => {
        if ("failed" in message) onFailure(threadFailure(message.failed));
        if (--left === 0) end();
      };
      thread.onFailure = (error) => {
        onFailure(error);
        end();
      };
    }
    if (left === 0) end();
  });
}

function threadFailure(reason: string): WkvError {
  return new WkvError("engine", `A thread of the engine failed: ${reason}. Load the model again.`);
}

/** Everything that abi.ts says about TABLE, from there on, but for the slots, which the loader fills. */
function modelTable(
  plan: Plan,
  { relaxedDot = "pairs" }: Kernels,
  debug: Platform["debug"] = [],
): Uint8Array<ArrayBuffer> {
  const { shape } = plan;
  const bytes = new ArrayBuffer(plan.bufferTable + buf.COUNT * 16 - abi.TABLE);
  const table = new Uint32Array(bytes, 0, abi.TABLE_WORDS);
  table[abi.TABLE_ARCH] = shape.version.id;
  table[abi.TABLE_LAYERS] = shape.layers;
  table[abi.TABLE_WIDTH] = shape.width;
  table[abi.TABLE_HEAD_SIZE] = shape.headSize;
  table[abi.TABLE_VOCAB] = shape.vocabSize;
  table[abi.TABLE_SLOTS] = plan.layerSlots;
  table[abi.TABLE_SLOTS_PER_LAYER] = W.LAYER_SLOTS;
  table[abi.TABLE_GLOBALS] = plan.globalSlots;
  table[abi.TABLE_BUFFERS] = plan.bufferTable;
  table[abi.TABLE_BATCH] = plan.batch;
  table[abi.TABLE_LAYER_STATE] = shape.layerState * 4;
  table[abi.TABLE_SCRATCH] = plan.scratch;
  table[abi.TABLE_SCRATCH_BYTES] = plan.scratchBytes;
  table[abi.TABLE_LARGEST] = plan.activations8 ? 127 : 8191;
  table[abi.TABLE_STREAMS] = STREAMS;
  table[abi.TABLE_DOT] = DOT_KINDS[relaxedDot];
  for (const [word, value] of debug) table[word] = value;
  new Float32Array(bytes)[abi.TABLE_GROUP_NORM_EPS] = plan.groupNormEps;
  const buffers = new Uint32Array(bytes, plan.bufferTable - abi.TABLE);
  for (const [i, { address, stride, quantised, quantisedStride }] of plan.buffers.entries())
    buffers.set([address, stride, quantised, quantisedStride], i * 4);
  return new Uint8Array(bytes);
}
