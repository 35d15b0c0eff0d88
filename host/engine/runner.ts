import { isPrompt, type Job, makeBatch, runBatch } from "./batch.ts";
import type { Engine } from "./engine.ts";
import { type LayerValues, runHead, runLayers } from "./layers.ts";
import type { Plan } from "./plan.ts";
import { PromptShare } from "./prompt-share.ts";
import { initialState } from "./state-layout.ts";
import { ThreadCount } from "./thread-count.ts";

interface WaitingJob extends Job {
  readonly signal: AbortSignal | undefined;
  readonly logits: Float32Array[];
  resolve(logits: Float32Array[]): void;
  reject(error: unknown): void;
}

/**
 * Runs tokens through the model. Sessions that wait at the same time are processed together, batch by batch; a
 * session's results have the same bits whatever shares its batches. States are in the module's memory, in slots of
 * equal size after the model.
 */
export class Runner {
  readonly plan: Plan;
  readonly engine: Engine;
  /** The initial state, if the model has a tuned one. */
  readonly #start: Float32Array | undefined;
  /** Free slots, the lowest one last, as it is taken first; slots that the memory may not reach are taken last. */
  readonly #free: number[] = [];
  #slots = 0;
  /** Slots without a state yet: the memory is growing, or could not grow. */
  readonly #growing = new Map<number, Promise<void>>();
  #waiting: WaitingJob[] = [];
  /** Work that needs exclusive use of the engine. */
  readonly #alone: (() => Promise<void>)[] = [];
  #running = false;
  readonly #threadCount: ThreadCount;
  readonly #promptShare = new PromptShare();
  /** When the latest batch ended. */
  #ended = 0;
  /** Sessions of the latest batch that make text: they come back as soon as they have drawn their next tokens. */
  #made = 0;

  constructor(engine: Engine, plan: Plan, start?: Float32Array) {
    this.#start = start;
    this.#threadCount = new ThreadCount(engine.threads);
    this.engine = engine;
    this.plan = plan;
  }

  /**
   * Feeds at least one token.
   * @param into an array that may be overwritten with the result
   * @returns the logits after the last one
   * @throws WkvError `too-large` if the memory could not grow for the state; the signal's reason, between batches: the
   *   state has then read some of the tokens
   */
  async feed(
    state: number,
    tokens: readonly number[],
    signal?: AbortSignal,
    into?: Float32Array,
  ): Promise<Float32Array> {
    return (await this.#enqueue({ state, tokens, into, done: 0 }, signal)).at(-1) as Float32Array;
  }

  /**
   * The same, for those who need few logits or none: others are −∞ where that saves time.
   * @param units of 32 ids each
   * @returns `hidden`: what `head` makes all logits from
   */
  async feedFew(
    state: number,
    tokens: readonly number[],
    units: readonly number[],
    into?: Float32Array,
  ): Promise<{ logits: Float32Array | undefined; hidden: Float32Array }> {
    const job: Job = { state, tokens, units, into, done: 0 };
    const logits = await this.#enqueue(job, undefined);
    return { logits: logits.at(-1), hidden: job.hidden as Float32Array };
  }

  /** The logits after a token, by the `hidden` of its feed. */
  head(hidden: Float32Array): Promise<Float32Array> {
    return this.alone(() => runHead(this.engine, this.plan, hidden, { threads: this.#threadCount.forRows(1) }));
  }

  /**
   * Like `feed`; returns the logits after each token from index `from` on.
   * @param spare arrays that are taken for results as far as they go
   */
  feedEach(
    state: number,
    tokens: readonly number[],
    signal?: AbortSignal,
    from = 0,
    spare?: Float32Array[],
  ): Promise<Float32Array[]> {
    return this.#enqueue({ state, tokens, logitsFrom: from, spare, done: 0 }, signal);
  }

  async #enqueue(job: Job, signal: AbortSignal | undefined): Promise<Float32Array[]> {
    await this.reached(job.state);
    return new Promise((resolve, reject) => {
      this.#waiting.push(Object.assign(job, { signal, logits: [], resolve, reject }));
      if (!this.#running) void this.#run();
    });
  }

  /** Does work that must run alone, between two batches. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#alone.push(() => work().then(resolve, reject));
      if (!this.#running) void this.#run();
    });
  }

  /** Feeds a token and reports its activations after each layer: see {@link runLayers}. */
  async inspect(state: number, token: number, lens: boolean): Promise<LayerValues> {
    await this.reached(state);
    return this.alone(() =>
      runLayers(this.engine, this.plan, state, token, lens, { threads: this.#threadCount.forRows(1) }),
    );
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Calls made in the same turn of the event loop share the first batch.
    await Promise.resolve();
    while (this.#alone.length > 0 || this.#dropAborted() > 0) {
      const alone = this.#alone.shift();
      if (alone) {
        await alone();
        continue;
      }
      try {
        await this.#runBatch();
      } catch (error) {
        for (const job of this.#waiting.splice(0)) job.reject(error);
      }
    }
    this.#running = false;
  }

  async #runBatch(): Promise<void> {
    // Without it, one session that came late would take turns with the others: 8 streams were 1 and 7, at 0.75 of the speed.
    if (this.#waiting.filter((job) => !isPrompt(job)).length < this.#made) await turn();
    const prompts = this.#waiting.filter(isPrompt).length;
    const making = this.#waiting.length - prompts;
    const batch = makeBatch(this.#waiting, this.plan, this.#promptShare.rows(making, prompts));
    const rows = batch.segments.at(-1)?.end ?? 0;
    const promptRows = batch.segments.reduce((sum, { job, first, end }) => sum + (isPrompt(job) ? end - first : 0), 0);
    const start = performance.now();
    const logits = await runBatch(this.engine, this.plan, batch, { threads: this.#threadCount.forRows(rows) });
    const end = performance.now();
    this.#threadCount.record(rows, end - start);
    this.#promptShare.record(making, prompts, promptRows, end - start, end - (this.#made > 0 ? this.#ended : start));
    this.#ended = end;
    this.#made = making;
    this.#waiting = this.#waiting.filter((job) => !batch.ending.includes(job));
    for (const [i, { job }] of batch.wanted.entries()) (job as WaitingJob).logits.push(logits[i] as Float32Array);
    for (const job of batch.ending as WaitingJob[]) job.resolve(job.logits);
  }

  /** Returns the number of remaining jobs. */
  #dropAborted(): number {
    for (const job of this.#waiting.filter(({ signal }) => signal?.aborted)) job.reject(job.signal?.reason);
    this.#waiting = this.#waiting.filter(({ signal }) => !signal?.aborted);
    return this.#waiting.length;
  }

  /**
   * A slot with an initial state; grows the memory if none is free.
   * @throws WkvError `too-large` if it cannot grow; if that is not known at once, `reached` rejects
   */
  takeState(): number {
    const address = this.#free.at(-1) ?? this.plan.states + this.#slots * this.plan.stateBytes;
    this.#growTo(address);
    if (this.#free.pop() === undefined) this.#slots++;
    this.resetState(address);
    return address;
  }

  freeState(address: number): void {
    this.#free.push(address);
    this.#free.sort((a, b) => b - a);
  }

  /** Resolves when a slot has its state. @throws WkvError `too-large` if the memory could not grow */
  reached(address: number): Promise<void> | undefined {
    return this.#growing.get(address);
  }

  resetState(address: number): void {
    this.writeState(address, this.#start ?? initialState(this.plan.shape));
  }

  /** The values of a state, in kernel order; not while it is being fed. */
  readState(address: number): Promise<Float32Array> {
    return this.engine.memory.read(address, this.#stateValues);
  }

  writeState(address: number, state: Float32Array): void {
    void this.engine.memory.write(address, state);
  }

  copyState(from: number, to: number): void {
    const copied = this.engine.memory.copy(from, to, 4 * this.#stateValues);
    if (this.#growing.has(from)) this.#waitFor(copied, to);
  }

  get #stateValues(): number {
    return this.plan.shape.layers * this.plan.shape.layerState;
  }

  #growTo(address: number): void {
    const growing = this.engine.memory.grow(address + this.plan.stateBytes);
    if (growing) this.#waitFor(growing, address);
    else this.#growing.delete(address);
  }

  #waitFor(growing: Promise<void>, address: number): void {
    this.#growing.set(address, growing);
    const grown = () => this.#growing.get(address) === growing && this.#growing.delete(address);
    growing.then(grown, () => {}); // the next user of the slot gets the rejection
  }
}

/** The next turn of the event loop: a message, because timers wait for milliseconds, and for seconds in hidden pages. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof MessageChannel === "undefined") return void setTimeout(resolve); // older versions of workerd
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}
