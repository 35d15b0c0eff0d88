import { files } from "#files";
import type { LayerValues } from "../engine/layers.ts";
import { MAX_WANTED } from "../engine/plan.ts";
import type { Runner } from "../engine/runner.ts";
import { type Snapshot, type StateTensor, stateTensors } from "../engine/state-layout.ts";
import { WkvError } from "../errors.ts";
import { arrangePrompt } from "../prompt/arrange.ts";
import type { Identity } from "../state/identity.ts";
import type { PrefixCache, Reading } from "../state/prefix-cache.ts";
import { type SavedState, writeState } from "../state/state-file.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { checkGenerateOptions, type GenerateOptions, type Generator, generate, type Piece } from "./generate.ts";
import { type Guidance, guided } from "./guided.ts";
import type { InspectOptions, TokenInspection } from "./inspection.ts";
import { Mark } from "./mark.ts";

/** What a session needs of its model. */
export interface SessionHost {
  readonly runner: Runner;
  readonly identity: Identity;
  readonly cache: PrefixCache;
  /** @throws WkvError `bad-vocab` when the model has no tokenizer */
  tokenizer(): Tokenizer;
  /** @throws WkvError `disposed` */
  checkAlive(): void;
  sessionEnded(session: Session): void;
}

export interface FeedOptions {
  /** Ends the feed between two batches. */
  readonly signal?: AbortSignal | undefined;
  /** vocabSize values for the logits, which are returned: a loop need not make an array for each token. */
  readonly into?: Float32Array | undefined;
}

/**
 * A text in the making: everything that the model has read, as a state of constant size. One call at a time: another
 * one while it works is a WkvError `busy`. Sessions of one model work at the same time and do not touch one another.
 */
export class Session {
  /** How the model differs from the one that this session's state was saved with; empty where it does not. */
  readonly warnings: readonly string[];
  readonly #host: SessionHost;
  readonly #state: number;
  /** What it started with, when that was more than nothing. */
  readonly #start: Float32Array | undefined;
  #logits: Float32Array | undefined;
  /** What led to the state, as long as the prefix cache can follow it. */
  #reading: Reading | undefined;
  #cachedTokens = 0;
  #busy = false;
  /** A batch writes to the state. */
  #feeding = false;
  #disposed = false;

  /** @internal Use `model.createSession()`. */
  constructor(host: SessionHost, saved?: SavedState, start?: Float32Array) {
    this.#host = host;
    this.#start = start;
    this.#state = host.runner.takeState();
    this.#reading = host.cache.begin(saved);
    this.warnings = saved?.warnings ?? [];
    if (saved) this.#restore(saved, this.#reading);
  }

  /** How many tokens of the last prompt the prefix cache had a state of already: they were not computed again. */
  get cachedTokens(): number {
    return this.#cachedTokens;
  }

  /**
   * Takes in tokens, one id or thousands; none gives the logits after the last one once more.
   * @returns the logits after the last one: vocabSize values, the caller's own
   * @throws RangeError for an id that the model has not; the signal's reason: some of the tokens are then taken in
   */
  async feed(tokens: number | Iterable<number>, options: FeedOptions = {}): Promise<Float32Array> {
    const ids = this.#checkTokens(typeof tokens === "number" ? [tokens] : tokens, "tokens");
    const { signal, into } = options;
    if (into !== undefined) this.#checkInto(into);
    return this.#exclusively(async () => copyInto(await this.#read(ids, signal), into));
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
        const feed = (state: number) => this.#host.runner.feedEach(state, group, signal);
        const rows = await this.#hold(() => this.#takeIn(group, feed, signal));
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
    const { guidance } = options;
    checkGenerateOptions(options, this.#host.runner.plan.shape.vocabSize);
    const tokenizer = this.#host.tokenizer();
    const isText = typeof prompt === "string";
    const ids = this.#checkTokens(isText ? tokenizer.encode(arrangePrompt(prompt, options)) : prompt, "prompt");
    if (guidance) return this.#generateGuided(ids, tokenizer, options, this.#checkGuidance(guidance, tokenizer));
    return this.#generate(ids, tokenizer, options);
  }

  async *#generate(
    ids: number[],
    tokenizer: Tokenizer,
    options: GenerateOptions,
    guide?: (own: Promise<Generator>) => Promise<Generator>,
  ): AsyncGenerator<Piece, void, void> {
    this.#begin();
    let length = Infinity;
    try {
      const own = this.#reader(ids, options.signal);
      const generator = await (guide ? guide(own) : own);
      length = this.#reading?.tokens.length ?? Infinity;
      yield* generate(generator, tokenizer, options);
    } finally {
      if (!this.#disposed && this.#host.cache.isWorthKeeping(this.#reading, length)) await this.#keep();
      this.#end();
    }
  }

  /** The same beside another session, which is the caller's own or lives as long as the generation. */
  async *#generateGuided(
    ids: number[],
    tokenizer: Tokenizer,
    options: GenerateOptions,
    { session, prompt, scale }: { session: Session | undefined; prompt: number[]; scale: number },
  ): AsyncGenerator<Piece, void, void> {
    this.#checkIdle();
    const other = session ?? new Session(this.#host);
    other.#begin();
    try {
      const guide = (own: Promise<Generator>) => guided(own, other.#reader(prompt, options.signal), scale);
      yield* this.#generate(ids, tokenizer, options, guide);
    } finally {
      other.#end();
      if (!session) other.dispose();
    }
  }

  async #reader(ids: number[], signal: AbortSignal | undefined): Promise<Generator> {
    const start = performance.now();
    const logits = await this.#read(ids, signal);
    const prompt = { tokens: ids.length, seconds: (performance.now() - start) / 1000 };
    return { logits, prompt, next: (token) => this.#feed([token]) };
  }

  #checkGuidance({ session, prompt = [], scale }: Guidance, tokenizer: Tokenizer) {
    if (session && (!(session instanceof Session) || session.#host.runner !== this.#host.runner || session === this))
      throw new TypeError('"guidance" expected another session of the same model, got something else');
    const ids = this.#checkTokens(typeof prompt === "string" ? tokenizer.encode(prompt) : prompt, "guidance");
    if (!session && ids.length === 0)
      throw new RangeError('"guidance" expected a prompt of at least one token, got none');
    return { session, prompt: ids, scale };
  }

  /**
   * Takes in tokens one by one and shows what the model makes of each: `hidden` and, where they are asked for, the logits
   * and the state after every layer. The bits are those of `feed`, which is faster and does none of this.
   * @example
   * for await (const { hidden, lens } of session.inspect(ids, { lens: true })) draw(lens);
   * @throws as `feed` does
   */
  inspect(tokens: Iterable<number>, options: InspectOptions = {}): AsyncGenerator<TokenInspection, void, void> {
    return this.#inspect(this.#checkTokens(tokens, "tokens"), options);
  }

  async *#inspect(ids: number[], options: InspectOptions): AsyncGenerator<TokenInspection, void, void> {
    this.#begin();
    try {
      for (const token of ids) yield await this.#hold(() => this.#inspectOne(token, options));
    } finally {
      this.#end();
    }
  }

  async #inspectOne(token: number, { lens = false, state, signal }: InspectOptions): Promise<TokenInspection> {
    const { runner } = this.#host;
    let values: LayerValues | undefined;
    const run = async (address: number) => {
      values = await runner.inspect(address, token, lens);
      return [values.logits.slice()];
    };
    await this.#takeIn([token], run, signal);
    const { hidden, lens: logits } = values as LayerValues;
    return {
      token,
      hidden,
      ...(logits && { lens: logits }),
      ...(state && { state: stateTensors(runner.plan.shape, await runner.readState(this.#state)) }),
    };
  }

  /**
   * The state's values as tensors, in the order and with the names of a saved one: what a session remembers, however much
   * it has read.
   */
  state(): Promise<StateTensor[]> {
    const { runner } = this.#host;
    return this.#exclusively(async () => stateTensors(runner.plan.shape, await runner.readState(this.#state)));
  }

  /** The session as bytes, for `model.createSession(bytes)` of the same model in any program on any machine. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const { runner, identity } = this.#host;
    return this.#exclusively(async () => writeState(runner.plan.shape, identity, await this.#snapshot()));
  }

  /**
   * Saves the session to a file, on Node, Deno and Bun. Whatever happens meanwhile, there is the old file or the new one.
   * @throws WkvError `not-saved`, also where there are no files, or `no-space`
   */
  async saveFile(path: string): Promise<void> {
    if (!files) throw new WkvError("not-saved", "There are no files here: keep the bytes of session.save() instead.");
    const bytes = await this.save();
    await files.saveFile(path, [bytes], bytes.length);
  }

  /** Another session that has read the same. */
  fork(): Session {
    this.#checkIdle();
    const fork = new Session(this.#host, undefined, this.#start);
    this.#host.runner.copyState(this.#state, fork.#state);
    fork.#logits = this.#logits?.slice();
    fork.#reading = copyOf(this.#reading);
    return fork;
  }

  /** Remembers where the session stands, for `rewind`: a copy of the state, until it is disposed of. */
  async mark(): Promise<Mark> {
    const reading = copyOf(this.#reading);
    return this.#exclusively(async () => new Mark(this.#host.runner, { snapshot: await this.#snapshot(), reading }));
  }

  /**
   * Goes back to where the session was marked, as often as you like: as if nothing had been read since. A mark of another
   * session of the same model, such as the one that this was forked from, will do as well.
   */
  rewind(mark: Mark): void {
    if (!(mark instanceof Mark))
      throw new TypeError(`"mark" expected what session.mark() resolves to, got ${kindOf(mark)}`);
    this.#checkIdle();
    const { snapshot, reading } = mark.recall(this.#host.runner);
    this.#restore(snapshot, copyOf(reading));
  }

  /** Forgets everything that it has read: what is left is its `initialState`, if it has one. */
  reset(): void {
    this.#checkIdle();
    this.#host.runner.resetState(this.#state);
    if (this.#start) this.#host.runner.writeState(this.#state, this.#start);
    this.#logits = undefined;
    this.#reading = this.#host.cache.begin(this.#start && { state: this.#start, logits: undefined });
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

  /** Takes in a prompt, as far as the prefix cache does not know it. @returns as `#feed` does */
  #read(ids: number[], signal?: AbortSignal): Promise<Float32Array> {
    const reading = this.#reading;
    this.#cachedTokens = 0;
    if (!reading) return this.#feed(ids, signal);
    signal?.throwIfAborted();
    return this.#hold(async () => {
      const { cache } = this.#host;
      const { snapshot, known, keep } = cache.advise(reading, ids);
      if (snapshot) this.#restore(snapshot, cache.extend(reading, ids.slice(0, known)));
      this.#cachedTokens = known;
      let done = known;
      for (const end of keep) {
        await this.#takeAll(ids.slice(done, end), signal);
        await this.#keep();
        done = end;
      }
      return this.#takeAll(ids.slice(done), signal);
    });
  }

  /** @returns the logits after the last token, which nobody may keep: those of the next token go there too */
  #feed(ids: number[], signal?: AbortSignal): Promise<Float32Array> {
    return this.#hold(() => this.#takeAll(ids, signal));
  }

  async #takeAll(ids: number[], signal?: AbortSignal): Promise<Float32Array> {
    if (ids.length === 0) {
      if (this.#logits) return this.#logits;
      throw new RangeError("at least one token expected, because the session has no logits to go on from");
    }
    const into = this.#logits; // nobody else has it
    const feed = async (state: number) => [await this.#host.runner.feed(state, ids, signal, into)];
    const [logits] = await this.#takeIn(ids, feed, signal);
    return logits as Float32Array;
  }

  /** Lets the runner write to the state, and keeps the last logits that it gives. */
  async #takeIn(
    ids: readonly number[],
    run: (state: number) => Promise<Float32Array[]>,
    signal: AbortSignal | undefined,
  ): Promise<Float32Array[]> {
    signal?.throwIfAborted();
    const reading = this.#reading;
    this.#logits = undefined; // what an abort between two batches leaves
    this.#reading = undefined;
    const rows = await run(this.#state);
    this.#logits = rows.at(-1);
    this.#reading = this.#host.cache.extend(reading, ids);
    return rows;
  }

  /** Does work that writes to the state. When the session is disposed of meanwhile, the state is free after it. */
  async #hold<T>(work: () => Promise<T>): Promise<T> {
    this.#checkAlive();
    this.#feeding = true;
    try {
      return await work();
    } finally {
      this.#feeding = false;
      if (this.#disposed) this.#host.runner.freeState(this.#state);
    }
  }

  /** Leaves the state to the prefix cache. */
  async #keep(): Promise<void> {
    if (this.#reading) this.#host.cache.keep(this.#reading, await this.#snapshot());
  }

  async #snapshot(): Promise<Snapshot> {
    return { state: await this.#host.runner.readState(this.#state), logits: this.#logits?.slice() };
  }

  #restore({ state, logits }: Snapshot, reading: Reading | undefined): void {
    this.#host.runner.writeState(this.#state, state);
    this.#logits = logits?.slice();
    this.#reading = reading;
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

  #checkInto(into: Float32Array): void {
    const { vocabSize } = this.#host.runner.plan.shape;
    if (!(into instanceof Float32Array)) throw new TypeError(`"into" expected a Float32Array, got ${kindOf(into)}`);
    if (into.length !== vocabSize)
      throw new RangeError(`"into" expected an array of ${vocabSize} values, got one of ${into.length}`);
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

function copyInto(logits: Float32Array, into: Float32Array | undefined): Float32Array {
  if (!into) return logits.slice();
  into.set(logits);
  return into;
}

function kindOf(value: unknown): string {
  return value === null ? "null" : value instanceof Promise ? "a promise" : typeof value;
}

function copyOf(reading: Reading | undefined): Reading | undefined {
  return reading && { ...reading, tokens: [...reading.tokens] };
}
