import { WkvError } from "./errors.ts";
import { checkGenerateOptions, type GenerateOptions, generate, type Piece } from "./generate.ts";
import { MAX_WANTED } from "./plan.ts";
import type { Runner } from "./runner.ts";
import { type SavedState, writeState } from "./state.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** What a session needs of its model. */
export interface SessionHost {
  readonly runner: Runner;
  /** @throws WkvError `bad-vocab` when the model has no tokenizer */
  tokenizer(): Tokenizer;
  /** @throws WkvError `disposed` */
  checkAlive(): void;
  sessionEnded(session: Session): void;
}

/**
 * A text in the making: everything that the model has read, as a state of constant size. One call at a time: another
 * one while it works is a WkvError `busy`. Sessions of one model work at the same time and do not touch one another.
 */
export class Session {
  readonly #host: SessionHost;
  readonly #state: number;
  /** What it started with, when that was more than nothing. */
  readonly #start: Float32Array | undefined;
  #logits: Float32Array | undefined;
  #busy = false;
  /** A batch writes to the state. */
  #feeding = false;
  #disposed = false;

  /** @internal Use `model.createSession()`. */
  constructor(host: SessionHost, saved?: SavedState, start?: Float32Array) {
    this.#host = host;
    this.#start = start;
    this.#state = host.runner.takeState();
    if (saved) host.runner.writeState(this.#state, saved.state);
    this.#logits = saved?.logits;
  }

  /**
   * Takes in tokens, one id or thousands; none gives the logits after the last one once more.
   * @returns the logits after the last one: vocabSize values, the caller's own
   * @throws RangeError for an id that the model has not; the signal's reason: some of the tokens are then taken in
   */
  async feed(tokens: number | Iterable<number>, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    const ids = this.#checkTokens(typeof tokens === "number" ? [tokens] : tokens, "tokens");
    return this.#exclusively(async () => (await this.#feed(ids, options.signal)).slice());
  }

  /**
   * Takes in tokens and gives the logits after each of them, with the bits that feeding one by one gives: to see how
   * likely a text is. Tokens are taken in 16 at a time; whoever leaves the loop early leaves the session after such a
   * group, at most 15 tokens further on.
   * @throws as `feed` does
   */
  feedEach(
    tokens: Iterable<number>,
    options: { signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Float32Array, void, void> {
    return this.#feedEach(this.#checkTokens(tokens, "tokens"), options.signal);
  }

  async *#feedEach(ids: number[], signal?: AbortSignal): AsyncGenerator<Float32Array, void, void> {
    this.#begin();
    try {
      for (let i = 0; i < ids.length; i += MAX_WANTED) {
        const group = ids.slice(i, i + MAX_WANTED);
        const rows = await this.#takeIn((state) => this.#host.runner.feedEach(state, group, signal), signal);
        for (const logits of rows) yield logits.slice();
      }
    } finally {
      this.#end();
    }
  }

  /**
   * Continues the text: takes in the prompt, then makes tokens until a stop string, the end of the text or `maxTokens`.
   * The session has then read the prompt and every token made. Leaving the loop early leaves the session usable.
   * @param prompt text, token ids, or nothing to continue where the session stands
   */
  generate(prompt: string | Iterable<number> = [], options: GenerateOptions = {}): AsyncGenerator<Piece, void, void> {
    checkGenerateOptions(options);
    const tokenizer = this.#host.tokenizer();
    const ids = this.#checkTokens(typeof prompt === "string" ? tokenizer.encode(prompt) : prompt, "prompt");
    return this.#generate(ids, tokenizer, options);
  }

  async *#generate(ids: number[], tokenizer: Tokenizer, options: GenerateOptions): AsyncGenerator<Piece, void, void> {
    this.#begin();
    try {
      const logits = await this.#feed(ids, options.signal);
      yield* generate({ logits, next: (token) => this.#feed([token]) }, tokenizer, options);
    } finally {
      this.#end();
    }
  }

  /** The session as bytes, for `model.createSession(bytes)` of the same model in any program on any machine. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const { runner } = this.#host;
    return this.#exclusively(async () =>
      writeState(runner.plan.shape, { state: await runner.readState(this.#state), logits: this.#logits }),
    );
  }

  /** Another session that has read the same. */
  fork(): Session {
    this.#checkIdle();
    const fork = new Session(this.#host, undefined, this.#start);
    this.#host.runner.copyState(this.#state, fork.#state);
    fork.#logits = this.#logits?.slice();
    return fork;
  }

  /** Forgets everything that it has read: what is left is its `initialState`, if it has one. */
  reset(): void {
    this.#checkIdle();
    this.#host.runner.resetState(this.#state);
    if (this.#start) this.#host.runner.writeState(this.#state, this.#start);
    this.#logits = undefined;
  }

  /**
   * Gives the memory back; a call that runs is finished first, a generation ends. The session cannot be used afterwards;
   * doing it twice does nothing.
   */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#host.sessionEnded(this);
    if (!this.#feeding) this.#host.runner.freeState(this.#state);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #feed(ids: number[], signal?: AbortSignal): Promise<Float32Array> {
    this.#checkAlive();
    if (ids.length === 0) {
      if (this.#logits) return this.#logits;
      throw new RangeError("at least one token expected, because the session has no logits to go on from");
    }
    const into = this.#logits; // nobody else has it
    const feed = async (state: number) => [await this.#host.runner.feed(state, ids, signal, into)];
    const [logits] = await this.#takeIn(feed, signal);
    return logits as Float32Array;
  }

  /**
   * Lets the runner write to the state, and keeps the last logits that it gives. A state that was disposed of while a
   * batch still wrote to it is free from then on.
   */
  async #takeIn(
    run: (state: number) => Promise<Float32Array[]>,
    signal: AbortSignal | undefined,
  ): Promise<Float32Array[]> {
    this.#checkAlive();
    signal?.throwIfAborted();
    this.#logits = undefined; // what an abort between two batches leaves
    this.#feeding = true;
    try {
      const rows = await run(this.#state);
      this.#logits = rows.at(-1);
      return rows;
    } finally {
      this.#feeding = false;
      if (this.#disposed) this.#host.runner.freeState(this.#state);
    }
  }

  #checkTokens(tokens: Iterable<number>, name: string): number[] {
    if (typeof tokens?.[Symbol.iterator] !== "function")
      throw new TypeError(`"${name}" expected ids, got ${tokens === null ? "null" : typeof tokens}`);
    const ids = [...tokens];
    const { vocabSize } = this.#host.runner.plan.shape;
    for (const id of ids) {
      if (typeof id !== "number") throw new TypeError(`"${name}" expected numbers, got ${typeof id}`);
      if (!Number.isInteger(id) || id < 0 || id >= vocabSize)
        throw new RangeError(`"${name}" expected ids from 0 to ${vocabSize - 1}, got ${id}`);
    }
    return ids;
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#begin();
    try {
      return await work();
    } finally {
      this.#end();
    }
  }

  #begin(): void {
    this.#checkIdle();
    this.#busy = true;
  }

  #end(): void {
    this.#busy = false;
  }

  #checkAlive(): void {
    this.#host.checkAlive();
    if (this.#disposed) throw new WkvError("disposed", "The session was disposed: create another one.");
  }

  #checkIdle(): void {
    this.#checkAlive();
    if (this.#busy)
      throw new WkvError("busy", "The session is still working: await the call before, or take a session of your own.");
  }
}
