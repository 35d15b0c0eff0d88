import { UNIT_ROWS } from "../../assembly/abi.ts";
import type { Runner } from "../engine/runner.ts";
import { type Snapshot, type StateTensor, stateTensors } from "../engine/state-layout.ts";
import type { Identity } from "../state/identity.ts";
import type { History, PrefixCache } from "../state/prefix-cache.ts";
import { type SavedState, writeState } from "../state/state-file.ts";
import type { InspectOptions, TokenInspection } from "./inspection.ts";

/** The model's parts that reading needs. */
export interface ReaderHost {
  readonly runner: Runner;
  readonly identity: Identity;
  readonly cache: PrefixCache;
}

/**
 * A session's state, its logits and the tokens that led to it. Concurrent calls are not guarded against here, but in
 * Session.
 */
export class Reader {
  readonly #host: ReaderHost;
  readonly #state: number;
  /** The initial state, if it is not the model's. */
  readonly #start: Float32Array | undefined;
  /** After the last token. Overwritten by the next one: callers get copies. */
  #logits: Float32Array | undefined;
  /** What they are made from, where they have not been needed yet. */
  #hidden: Float32Array | undefined;
  /** An array for a few logits. */
  #few: Float32Array | undefined;
  /** The tokens that led to the state, as long as the prefix cache can follow them. */
  #history: History | undefined;
  #cachedTokens = 0;

  constructor(host: ReaderHost, saved?: SavedState, start?: Float32Array) {
    this.#host = host;
    this.#start = start;
    this.#state = host.runner.takeState();
    this.#history = host.cache.begin(saved);
    if (saved) this.restore({ snapshot: saved, history: this.#history });
  }

  get vocabSize(): number {
    return this.#host.runner.plan.shape.vocabSize;
  }

  /** Tokens of the last prompt that came from the prefix cache. */
  get cachedTokens(): number {
    return this.#cachedTokens;
  }

  /** Length of the history known to the prefix cache; Infinity if it cannot follow. */
  get length(): number {
    return this.#history?.tokens.length ?? Infinity;
  }

  free(): void {
    this.#host.runner.freeState(this.#state);
  }

  /** Reads a prompt, except for the prefix that is cached. @returns the result of `run` */
  async read(ids: number[], signal?: AbortSignal): Promise<Float32Array> {
    const history = this.#history;
    this.#cachedTokens = 0;
    if (!history) return this.run(ids, signal);
    signal?.throwIfAborted();
    const { cache } = this.#host;
    const { snapshot, matched, keepAt } = cache.lookup(history, ids);
    if (snapshot) this.restore({ snapshot, history: cache.extend(history, ids.slice(0, matched)) });
    this.#cachedTokens = matched;
    let done = matched;
    for (const end of keepAt) {
      await this.run(ids.slice(done, end), signal);
      await this.#cache();
      done = end;
    }
    return this.run(ids.slice(done), signal);
  }

  /** @returns the logits after the last token, which the next call overwrites */
  async run(ids: number[], signal?: AbortSignal): Promise<Float32Array> {
    if (ids.length === 0) {
      const logits = await this.#allLogits();
      if (logits) return logits;
      throw new RangeError('"tokens" expected at least one token, because the session has no logits yet, got none');
    }
    const into = this.#logits;
    const history = this.#begin(signal);
    return this.#end(history, ids, await this.#host.runner.feed(this.#state, ids, signal, into));
  }

  /**
   * Reads one token, after which the logits of a few ids are needed, or none.
   * @returns logits that are right for these ids, until the next call; undefined when there are none
   */
  async runFew(token: number, ids: readonly number[]): Promise<Float32Array | undefined> {
    const units = [...new Set(ids.map((id) => Math.floor(id / UNIT_ROWS)))];
    const into = this.#few;
    const history = this.#begin(undefined);
    const { logits, hidden } = await this.#host.runner.feedFew(this.#state, [token], units, into);
    this.#end(history, [token], undefined);
    this.#hidden = hidden;
    this.#few = logits;
    return logits;
  }

  async #allLogits(): Promise<Float32Array | undefined> {
    if (this.#hidden) this.#logits = await this.#host.runner.head(this.#hidden);
    this.#hidden = undefined;
    return this.#logits;
  }

  /** Like `run`; returns the logits after each token from index `from` on. */
  async runEach(ids: number[], signal?: AbortSignal, from = 0, spare?: Float32Array[]): Promise<Float32Array[]> {
    const history = this.#begin(signal);
    const rows = await this.#host.runner.feedEach(this.#state, ids, signal, from, spare);
    this.#end(history, ids, rows.at(-1) as Float32Array);
    return rows;
  }

  async inspect(token: number, { lens = false, state, signal }: InspectOptions): Promise<TokenInspection> {
    const history = this.#begin(signal);
    const { hidden, lens: layers, logits } = await this.#host.runner.inspect(this.#state, token, lens);
    this.#end(history, [token], logits.slice());
    return { token, hidden, ...(layers && { lens: layers }), ...(state && { state: await this.tensors() }) };
  }

  async tensors(): Promise<StateTensor[]> {
    const { runner } = this.#host;
    return stateTensors(runner.plan.shape, await runner.readState(this.#state));
  }

  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const { runner, identity } = this.#host;
    return writeState(runner.plan.shape, identity, await this.#snapshot());
  }

  /** Inserts the state into the prefix cache, if the generation since `length` was long enough. */
  async keep(length: number): Promise<void> {
    if (this.#host.cache.isWorthKeeping(this.#history, length)) await this.#cache();
  }

  /** A copy at the same point. */
  fork(): Reader {
    const fork = new Reader(this.#host, undefined, this.#start);
    this.#host.runner.copyState(this.#state, fork.#state);
    fork.#logits = this.#logits?.slice();
    fork.#hidden = this.#hidden;
    fork.#history = copyOf(this.#history);
    return fork;
  }

  reset(): void {
    const { runner, cache } = this.#host;
    runner.resetState(this.#state);
    if (this.#start) runner.writeState(this.#state, this.#start);
    this.#logits = undefined;
    this.#hidden = undefined;
    this.#history = cache.begin(this.#start && { state: this.#start, logits: undefined });
  }

  /** The current point, copied to the host. */
  async point(): Promise<Point> {
    const history = copyOf(this.#history);
    return { snapshot: await this.#snapshot(), history };
  }

  restore({ snapshot: { state, logits }, history }: Point): void {
    this.#host.runner.writeState(this.#state, state);
    this.#logits = logits?.slice();
    this.#hidden = undefined;
    this.#history = copyOf(history);
  }

  /**
   * Memory in the engine for one point, which avoids a copy to the host. Its first use may have to wait for the memory.
   */
  async openSlot(): Promise<Slot> {
    const { runner } = this.#host;
    const copy = runner.takeState();
    await runner.reached(copy);
    let history: History | undefined;
    return {
      hold: () => {
        runner.copyState(this.#state, copy);
        history = copyOf(this.#history);
      },
      restore: () => {
        runner.copyState(copy, this.#state);
        this.#history = copyOf(history);
      },
      free: () => runner.freeState(copy),
    };
  }

  /** Until `#end` the state matches neither logits nor history; an abort between two batches leaves it so. */
  #begin(signal: AbortSignal | undefined): History | undefined {
    signal?.throwIfAborted();
    const history = this.#history;
    this.#logits = undefined;
    this.#hidden = undefined;
    this.#history = undefined;
    return history;
  }

  #end<T extends Float32Array | undefined>(history: History | undefined, ids: readonly number[], logits: T): T {
    this.#logits = logits;
    this.#history = this.#host.cache.extend(history, ids);
    return logits;
  }

  async #cache(): Promise<void> {
    if (this.#history) this.#host.cache.insert(this.#history, await this.#snapshot());
  }

  async #snapshot(): Promise<Snapshot> {
    const logits = await this.#allLogits();
    return { state: await this.#host.runner.readState(this.#state), logits: logits?.slice() };
  }
}

/** A point of a session. */
export interface Point {
  readonly snapshot: Snapshot;
  readonly history: History | undefined;
}

/** A point saved in the engine's memory. */
export interface Slot {
  hold(): void;
  /** Returns to it; the logits are valid only until the next token. */
  restore(): void;
  free(): void;
}

function copyOf(history: History | undefined): History | undefined {
  return history && { ...history, tokens: [...history.tokens] };
}
