import * as abi from "../assembly/abi.ts";
import type { Engine } from "./engine.ts";
import { WkvError } from "./errors.ts";
import type { Plan } from "./plan.ts";
import { initialState } from "./state.ts";

const PAGE = 65536;

/**
 * Takes tokens through the model. One batch runs at a time; sessions that wait take turns, batch by batch, in the order
 * in which they asked. States live in the module's memory, in places of equal size after the model.
 */
export class Runner {
  readonly plan: Plan;
  readonly #engine: Engine;
  readonly #free: number[] = [];
  #states = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine, plan: Plan) {
    this.#engine = engine;
    this.plan = plan;
  }

  /**
   * A place for a session's state, holding the initial one; the memory grows when none is free.
   * @throws WkvError `too-large` when it cannot grow
   */
  takeState(): number {
    const address = this.#free.pop() ?? this.#newState();
    this.resetState(address);
    return address;
  }

  freeState(address: number): void {
    this.#free.push(address);
  }

  resetState(address: number): void {
    initialState(this.plan.shape, this.state(address));
  }

  /** The values of a state, as the kernels keep them. Valid until the next call that may grow the memory. */
  state(address: number): Float32Array {
    const { layers, layerState } = this.plan.shape;
    return this.#engine.floats(address, layers * layerState);
  }

  /**
   * Takes tokens in; returns the logits after the last one.
   * @throws the signal's reason, between batches: the state has then taken in some of the tokens
   */
  async feed(state: number, tokens: readonly number[], signal?: AbortSignal): Promise<Float32Array> {
    let logits = new Float32Array(0);
    for (let first = 0; first < tokens.length; first += abi.BATCH_MAX_ROWS) {
      signal?.throwIfAborted();
      const batch = tokens.slice(first, first + abi.BATCH_MAX_ROWS);
      const isLast = first + batch.length === tokens.length;
      logits = await this.#exclusively(() => this.#forward(state, batch, isLast));
    }
    return logits;
  }

  /** One batch at a time: they share the batch's arrays and the activation buffers. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  async #forward(state: number, tokens: readonly number[], wantLogits: boolean): Promise<Float32Array<ArrayBuffer>> {
    const { batch, buffers, shape } = this.plan;
    const rows = tokens.length;
    this.#engine.words(batch + abi.BATCH_TOKENS, rows).set(tokens);
    this.#engine.words(batch + abi.BATCH_OWNERS, rows).fill(0);
    this.#engine.words(batch + abi.BATCH_WANTED, 1).fill(rows - 1);
    this.#engine.words(batch + abi.BATCH_SEGMENTS, 3).set([state, 0, rows]);
    await this.#engine.run(abi.OP_FORWARD, rows, 1, wantLogits ? 1 : 0);
    const logits = buffers[abi.BUF_LOGITS]?.address ?? 0;
    return wantLogits ? new Float32Array(this.#engine.floats(logits, shape.vocabSize)) : new Float32Array(0);
  }

  #newState(): number {
    const address = this.plan.states + this.#states * this.plan.stateBytes;
    const missing = address + this.plan.stateBytes - this.#engine.memory.buffer.byteLength;
    if (missing > 0) this.#grow(Math.ceil(missing / PAGE));
    this.#states++;
    return address;
  }

  #grow(pages: number): void {
    try {
      this.#engine.memory.grow(pages);
    } catch (cause) {
      const mb = (this.plan.stateBytes / 1e6).toFixed(1);
      throw new WkvError("too-large", `No memory for another session (${mb} MB): dispose sessions that are done.`, {
        cause,
      });
    }
  }
}
