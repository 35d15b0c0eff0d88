import { files } from "#files";
import { MAX_WANTED } from "../engine/plan.ts";
import type { StateTensor } from "../engine/state-layout.ts";
import { WkvError } from "../errors.ts";
import { checkNames, kindOf } from "../options/names.ts";
import { arrangePrompt } from "../prompt/arrange.ts";
import type { SavedState } from "../state/state-file.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { checkGenerateOptions, checkInto, checkTokens } from "./checks.ts";
import { type DraftedSession, LookupDraft, RecentTokens } from "./draft.ts";
import { Exclusive } from "./exclusive.ts";
import { DECODE_OPTIONS, type DecodeOptions, type Generator, generate, type Piece } from "./generate.ts";
import { guided } from "./guided.ts";
import { INSPECT_OPTIONS, type InspectOptions, type TokenInspection } from "./inspection.ts";
import { Mark } from "./mark.ts";
import { Reader, type ReaderHost } from "./reader.ts";
import { type Streamed, streamed } from "./streams.ts";

/** The model's parts that a session needs. */
export interface SessionHost extends ReaderHost {
  /** @throws WkvError `bad-vocab` if the model has no tokenizer */
  tokenizer(): Tokenizer;
  /** @throws WkvError `disposed` */
  checkAlive(): void;
  sessionEnded(session: Session): void;
}

export interface FeedOptions {
  /** Aborts the feed between two batches. */
  readonly signal?: AbortSignal | undefined;
  /** Array of vocabSize values that receives the logits and is returned: saves an allocation per token. */
  readonly into?: Float32Array | undefined;
}

const FEED_OPTIONS = { signal: true, into: true } as const satisfies Record<keyof FeedOptions, true>;

/** Classifier-free guidance: moves the logits away from those of another session, which reads the same generated tokens. */
export interface Guidance {
  /** 1 has no effect, 1.5 is a common value. */
  readonly scale: number;
  /** Prompt of the other session, as text or ids: without the instruction, or with one to avoid. */
  readonly prompt?: string | Iterable<number> | undefined;
  /** The other session itself, of the same model, instead of a prompt. */
  readonly session?: Session | undefined;
}

export interface GenerateOptions extends DecodeOptions {
  guidance?: Guidance | undefined;
}

export const GENERATE_OPTIONS = { ...DECODE_OPTIONS, guidance: true } as const satisfies Record<
  keyof GenerateOptions,
  true
>;

/**
 * An inference session: the recurrent state after all tokens fed so far. Its size is constant. One call at a time:
 * a call during another one is a WkvError `busy`. Sessions of one model run concurrently without affecting each other.
 *
 * @example
 * const session = model.createSession();
 * for await (const { text } of session.generate("Once upon a time", { maxTokens: 5 })) console.log(text);
 * session.dispose();
 */
export class Session {
  /** Differences between the model and the one this state was saved with; empty if there are none. */
  readonly warnings: readonly string[];
  readonly #host: SessionHost;
  readonly #reader: Reader;
  /** For drafts; not cleared when the session goes back. */
  readonly #recent = new RecentTokens();
  #draft: LookupDraft | undefined;
  readonly #calls: Exclusive;

  /** @internal Use `model.createSession()`. */
  constructor(host: SessionHost, saved?: SavedState, start?: Float32Array, reader = new Reader(host, saved, start)) {
    this.#host = host;
    this.#reader = reader;
    this.#calls = new Exclusive({ checkAlive: () => host.checkAlive(), release: () => reader.free() });
    this.warnings = saved?.warnings ?? [];
  }

  /** Tokens of the last prompt that came from the prefix cache instead of being computed. */
  get cachedTokens(): number {
    return this.#reader.cachedTokens;
  }

  /**
   * Feeds one token id or many. With an empty list, returns the logits after the last token again.
   * @returns the logits after the last token: vocabSize values, owned by the caller
   * @throws RangeError for an id outside the vocabulary; the signal's reason: some of the tokens have then been fed
   * @example
   * const logits = await session.feed(model.tokenizer.encode("Once upon a time"));
   * const next = await session.feed(logits.indexOf(Math.max(...logits)), { into: logits });
   */
  async feed(tokens: number | Iterable<number>, options: FeedOptions = {}): Promise<Float32Array> {
    const ids = checkTokens(typeof tokens === "number" ? [tokens] : tokens, "tokens", this.#reader.vocabSize);
    checkNames(options, FEED_OPTIONS, "feed");
    const { signal, into } = options;
    if (into !== undefined) checkInto(into, this.#reader.vocabSize);
    return this.#calls.run(async () => copyInto(await this.#read(ids, signal), into));
  }

  /**
   * Feeds tokens and yields the logits after each of them, with the same bits as feeding one by one: to score a text.
   * Tokens are fed 16 at a time: leaving the loop early leaves the session at the end of such a group, at most 15 tokens
   * further on.
   * @throws as `feed` does
   * @example
   * for await (const logits of session.feedEach([1, 2, 3])) console.log(Math.max(...logits));
   */
  feedEach(
    tokens: Iterable<number>,
    options: { signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Float32Array, void, void> {
    checkNames(options, { signal: true }, "feedEach");
    return this.#feedEach(checkTokens(tokens, "tokens", this.#reader.vocabSize), options.signal);
  }

  async *#feedEach(ids: number[], signal?: AbortSignal): AsyncGenerator<Float32Array, void, void> {
    this.#calls.begin();
    try {
      for (let i = 0; i < ids.length; i += MAX_WANTED) {
        const group = ids.slice(i, i + MAX_WANTED);
        for (const logits of await this.#calls.hold(() => this.#reader.runEach(group, signal))) yield logits.slice();
      }
    } finally {
      this.#calls.end();
    }
  }

  /**
   * Continues the text: feeds the prompt, then generates tokens until a stop string, the end of the text or `maxTokens`.
   * The session has then read the prompt and every generated token. Leaving the loop early leaves the session usable.
   * The generation is also a stream of the platform, of pieces, text or server-sent events: {@link Streams}.
   * @param prompt text, token ids, or nothing to continue from the current state
   * @throws TypeError or RangeError naming the wrong argument; while reading, WkvError and the signal's reason
   * @example
   * const options = { maxTokens: 20, temperature: 0.7, stop: ["\n"] };
   * for await (const { text, stop } of session.generate("Once upon a time", options)) console.log(text, stop);
   */
  generate(prompt: string | Iterable<number> = [], options: GenerateOptions = {}): Streamed<Piece> {
    checkNames(options, GENERATE_OPTIONS, "generate");
    const { guidance } = options;
    checkGenerateOptions(options, this.#reader.vocabSize);
    const tokenizer = this.#host.tokenizer();
    const isText = typeof prompt === "string";
    const ids = checkTokens(
      isText ? tokenizer.encode(arrangePrompt(prompt, options)) : prompt,
      "prompt",
      this.#reader.vocabSize,
    );
    const guide = guidance && this.#guide(guidance, tokenizer);
    return streamed(options.signal, (signal) => {
      if (!guide) return this.#generate(ids, tokenizer, { ...options, signal });
      return this.#generateGuided(ids, tokenizer, { ...options, signal }, guide);
    });
  }

  async *#generate(
    ids: number[],
    tokenizer: Tokenizer,
    options: DecodeOptions,
    guide?: (own: Promise<Generator>) => Promise<Generator>,
  ): AsyncGenerator<Piece, void, void> {
    this.#calls.begin();
    let length = Infinity;
    let generator: Generator | undefined;
    try {
      const own = this.#generator(ids, options.signal, guide ? undefined : options.draft);
      generator = await (guide ? guide(own) : own);
      length = this.#reader.length;
      yield* generate(generator, tokenizer, options);
    } finally {
      await generator?.finish?.();
      if (!this.#calls.disposed) await this.#reader.keep(length);
      this.#calls.end();
    }
  }

  /** Generates with guidance by another session: the caller's, or a temporary one. */
  async *#generateGuided(
    ids: number[],
    tokenizer: Tokenizer,
    options: DecodeOptions,
    { session, prompt, scale }: { session: Session | undefined; prompt: number[]; scale: number },
  ): AsyncGenerator<Piece, void, void> {
    this.#calls.checkIdle();
    const other = session ?? new Session(this.#host);
    other.#calls.begin();
    try {
      const guide = (own: Promise<Generator>) => guided(own, other.#generator(prompt, options.signal), scale);
      yield* this.#generate(ids, tokenizer, options, guide);
    } finally {
      other.#calls.end();
      if (!session) other.dispose();
    }
  }

  async #generator(ids: number[], signal?: AbortSignal, draft?: "lookup"): Promise<Generator> {
    const start = performance.now();
    const logits = await this.#read(ids, signal);
    const prompt = { tokens: ids.length, seconds: (performance.now() - start) / 1000 };
    if (draft) return { logits, prompt, ...(await this.#lookup()) };
    const next = (token: number, _left: number, ids?: readonly number[]) => {
      this.#recent.push([token]);
      return this.#calls.hold(async () => {
        const few = ids && (await this.#reader.runFew(token, ids));
        return few ?? (ids ? NO_LOGITS : this.#reader.run([token]));
      });
    };
    return { logits, prompt, next };
  }

  /** Reads with drafts, which go back to a second state after a wrong draft. */
  async #lookup(): Promise<Pick<Generator, "next" | "drafts" | "finish">> {
    const draft = (this.#draft ??= new LookupDraft());
    draft.begin(this.#recent.take());
    const slot = await this.#reader.openSlot();
    const session: DraftedSession = {
      hold: slot.hold,
      restore: slot.restore,
      feed: (tokens) => this.#calls.hold(() => this.#reader.run(tokens)),
      feedEach: (tokens, from, spare) => this.#calls.hold(() => this.#reader.runEach(tokens, undefined, from, spare)),
    };
    return {
      next: (token, left) => draft.next(session, token, left),
      drafts: () => draft.counts,
      finish: async () => {
        if (!this.#calls.disposed) await draft.finish(session);
        slot.free();
      },
    };
  }

  #guide({ session, prompt = [], scale }: Guidance, tokenizer: Tokenizer) {
    if (session && (!(session instanceof Session) || session.#host.runner !== this.#host.runner || session === this))
      throw new TypeError('"guidance" expected another session of the same model, got something else');
    const ids = checkTokens(
      typeof prompt === "string" ? tokenizer.encode(prompt) : prompt,
      "guidance",
      this.#reader.vocabSize,
    );
    if (!session && ids.length === 0)
      throw new RangeError('"guidance" expected a prompt of at least one token, got none');
    return { session, prompt: ids, scale };
  }

  /**
   * Feeds tokens one by one and yields the hidden states of each, and on request the logits of every layer and the state.
   * The bits are those of `feed`, which is faster.
   * @throws as `feed` does
   * @example
   * for await (const { hidden, lens } of session.inspect([1, 2], { lens: true })) console.log(hidden, lens);
   */
  inspect(tokens: Iterable<number>, options: InspectOptions = {}): AsyncGenerator<TokenInspection, void, void> {
    checkNames(options, INSPECT_OPTIONS, "inspect");
    return this.#inspect(checkTokens(tokens, "tokens", this.#reader.vocabSize), options);
  }

  async *#inspect(ids: number[], options: InspectOptions): AsyncGenerator<TokenInspection, void, void> {
    this.#calls.begin();
    try {
      for (const token of ids) yield await this.#calls.hold(() => this.#reader.inspect(token, options));
    } finally {
      this.#calls.end();
    }
  }

  /**
   * The state as tensors, in the order and with the names of a saved one. Its size does not depend on the text.
   * @example
   * for (const { name, shape } of await session.state()) console.log(name, shape);
   */
  state(): Promise<StateTensor[]> {
    return this.#calls.run(() => this.#reader.tensors());
  }

  /**
   * The session as bytes, for `model.createSession(bytes)` of the same model in any program on any machine.
   * @example
   * await session.feed([1, 2]);
   * const again = model.createSession(await session.save());
   * console.log(await again.feed([])); // the same logits
   */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#calls.run(() => this.#reader.save());
  }

  /**
   * Saves the session to a file, on Node, Deno and Bun. The file is replaced atomically: after a crash it is the old
   * one or the new one.
   * @throws WkvError `not-saved`, also where there is no file system, or `no-space`
   * @example
   * await session.feed([1, 2]);
   * await session.saveFile("story.state");
   */
  async saveFile(path: string): Promise<void> {
    if (!files)
      throw new WkvError("not-saved", "There is no file system here: store the bytes of session.save() instead.");
    const bytes = await this.save();
    await files.saveFile(path, [bytes], bytes.length);
  }

  /**
   * Another session that has read the same.
   * @example
   * await session.feed(model.tokenizer.encode("The king said"));
   * const other = session.fork();
   * await Promise.all([session.feed([1]), other.feed([2])]);
   */
  fork(): Session {
    this.#calls.checkIdle();
    return new Session(this.#host, undefined, undefined, this.#reader.fork());
  }

  /**
   * Marks the current point, for `rewind`: a copy of the state, until it is disposed of.
   * @example
   * const mark = await session.mark();
   * await session.feed([1, 2]);
   * session.rewind(mark);
   * mark.dispose();
   */
  async mark(): Promise<Mark> {
    return this.#calls.run(async () => new Mark(this.#host.runner, await this.#reader.point()));
  }

  /**
   * Returns to a mark, any number of times: as if nothing had been read since. Marks of other sessions of the same model,
   * such as the one that this was forked from, work as well.
   * @example
   * const mark = await session.mark();
   * for (const token of [1, 2, 3]) {
   *   await session.feed(token);
   *   session.rewind(mark);
   * }
   */
  rewind(mark: Mark): void {
    if (!(mark instanceof Mark))
      throw new TypeError(`"mark" expected what session.mark() resolves to, got ${kindOf(mark)}`);
    this.#calls.checkIdle();
    this.#reader.restore(mark.open(this.#host.runner));
  }

  /** Returns to the initial state: `initialState` if the session was created with one, else the model's. */
  reset(): void {
    this.#calls.checkIdle();
    this.#reader.reset();
  }

  /**
   * Frees the state. A running call is completed first; a generation ends. The session cannot be used afterwards;
   * repeated calls do nothing.
   */
  dispose(): void {
    if (this.#calls.dispose()) this.#host.sessionEnded(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Feeds a prompt. @returns the logits after it, which the next call overwrites */
  async #read(ids: number[], signal?: AbortSignal): Promise<Float32Array> {
    this.#recent.push(ids);
    return this.#calls.hold(() => this.#reader.read(ids, signal));
  }
}

/** Where none are needed. */
const NO_LOGITS = new Float32Array(0);

function copyInto(logits: Float32Array, into: Float32Array | undefined): Float32Array {
  if (!into) return logits.slice();
  into.set(logits);
  return into;
}
