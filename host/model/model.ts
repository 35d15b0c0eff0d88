import { platform } from "#platform";
import { type WeightFormat, weightFormat } from "../checkpoint/weight-formats.ts";
import type { Engine } from "../engine/engine.ts";
import { type Head, HeadCuts } from "../engine/head-cuts.ts";
import type { Plan } from "../engine/plan.ts";
import type { Simd } from "../engine/platform.ts";
import { Runner } from "../engine/runner.ts";
import type { RelaxedDot } from "../engine/simd.ts";
import { WkvError } from "../errors.ts";
import { checkNames, kindOf } from "../options/names.ts";
import { Session } from "../session/session.ts";
import type { ModelSource } from "../source/open.ts";
import type { Identity } from "../state/identity.ts";
import type { PrefixCache, PrefixCacheStats } from "../state/prefix-cache.ts";
import { readState } from "../state/state-file.ts";
import { readInitialState } from "../state/tuned-state.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

export interface ModelInfo {
  /** "rwkv4", "rwkv5", "rwkv6" or "rwkv7" */
  readonly architecture: string;
  /** With the minor version: "5.2". */
  readonly version: string;
  readonly layers: number;
  readonly width: number;
  /** Values per head; 0 for RWKV-4, which has no heads. */
  readonly headSize: number;
  readonly vocabSize: number;
  readonly weights: WeightFormat;
  /** Bits of the integers that inputs of quantised matrices are rounded to; missing for f32. */
  readonly activationBits?: 8 | 14;
  /** Bytes of weights in memory. */
  readonly bytes: number;
  /** Bytes of one session. */
  readonly stateBytes: number;
  readonly threads: number;
  /** If there is one thread though more were possible: why, and what to change. */
  readonly singleThreadReason?: string;
  readonly simd: Simd;
  /** With relaxed SIMD, what its dot product of four bytes is on this machine. */
  readonly relaxedDot?: RelaxedDot;
  /** The file's name, without folders. */
  readonly name: string;
  /** The chat template of the file, or of a Hugging Face file next to it: "rwkv-world", or a Jinja template. */
  readonly chatTemplate?: string;
}

export interface SessionOptions {
  /** What `model.loadState()` returned, or bytes of a saved session. */
  initialState?: Uint8Array | undefined;
}

/** The parts of a model. */
interface ModelParts {
  readonly engine: Engine;
  readonly plan: Plan;
  /** The error is thrown when the tokenizer is needed. */
  readonly tokenizer: Tokenizer | WkvError;
  /** The initial state of sessions, if the file has a tuned one. */
  readonly start: Float32Array | undefined;
  readonly identity: Identity;
  readonly cache: PrefixCache;
  readonly described: Pick<ModelInfo, "name" | "chatTemplate">;
}

function checkHeads(heads: readonly Head[], { layers, width, headSize }: ModelInfo): void {
  if (!Array.isArray(heads)) throw new TypeError(`"heads" expected an array of { layer, head }, got ${heads}`);
  const perLayer = headSize && width / headSize;
  for (const { layer, head } of heads)
    if (!isIndex(layer, layers) || !isIndex(head, perLayer))
      throw new RangeError(
        perLayer === 0
          ? '"heads" expected none, because RWKV-4 has no heads'
          : `"heads" expected layers below ${layers} and heads below ${perLayer}, got layer ${layer}, head ${head}`,
      );
}

function isIndex(value: number, count: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < count;
}

/**
 * A model in memory, with its threads.
 * @example
 * const model = await loadModel("box");
 * console.log(model.info.version, model.tokenizer.encode("a king"));
 * await model.dispose();
 */
export class Model {
  readonly info: ModelInfo;
  readonly #engine: Engine;
  readonly #runner: Runner;
  readonly #tokenizer: Tokenizer | WkvError;
  readonly #identity: Identity;
  readonly #cache: PrefixCache;
  readonly #cuts: HeadCuts;
  readonly #sessions = new Set<Session>();
  #disposed = false;

  /** @internal Use `loadModel()`. */
  constructor({ engine, plan, tokenizer, start, identity, cache, described }: ModelParts) {
    this.#identity = identity;
    this.#cache = cache;
    this.#engine = engine;
    this.#runner = new Runner(engine, plan, start);
    this.#cuts = new HeadCuts(engine, plan);
    this.#tokenizer = tokenizer;
    this.info = infoOf(engine, plan, described);
  }

  /** @throws WkvError `bad-vocab` or `not-found` if the model has no vocabulary: the message says which to give */
  get tokenizer(): Tokenizer {
    if (this.#tokenizer instanceof WkvError) throw this.#tokenizer;
    return this.#tokenizer;
  }

  /** Counters of the prefix cache. */
  get prefixCache(): PrefixCacheStats {
    return this.#cache.stats;
  }

  /** @internal For `wkv/measure`. */
  get runner(): Runner {
    this.#checkAlive();
    return this.#runner;
  }

  /**
   * A new session, or a saved one; `session.warnings` says if it was saved with other weights of the same model. A
   * session with an `initialState`, which `loadState()` returns, has read nothing, starts from there, and returns to it
   * on `reset()`.
   * @throws WkvError `bad-state` for another model's state, `too-large` without memory for it; if threads do not share
   *   memory, the session's first call throws that instead
   * @example
   * const saved = await model.createSession().save();
   * const session = model.createSession(saved);
   * console.log(session.warnings);
   */
  createSession(saved?: Uint8Array | SessionOptions): Session {
    this.#checkAlive();
    checkSaved(saved);
    const initial = isOptions(saved) ? saved.initialState : undefined;
    const bytes = isOptions(saved) ? initial : saved;
    const state = bytes && readState(this.#runner.plan.shape, this.#identity, bytes);
    const session = new Session(
      {
        runner: this.#runner,
        identity: this.#identity,
        cache: this.#cache,
        tokenizer: () => this.tokenizer,
        checkAlive: () => this.#checkAlive(),
        sessionEnded: (ended) => this.#sessions.delete(ended),
      },
      state,
      initial && state?.state,
    );
    this.#sessions.add(session);
    return session;
  }

  /**
   * Reads a state to start sessions from: a file of state tuning (`blocks.N.att.time_state`, .pth or .safetensors), or
   * what `session.save()` returned.
   * @returns bytes for `createSession({ initialState })`, any number of times
   * @throws WkvError `bad-state` for another model's state; the errors of opening a model
   */
  loadState(source: ModelSource): Promise<Uint8Array> {
    this.#checkAlive();
    return readInitialState(source, this.#runner.plan.shape, this.#identity);
  }

  /**
   * Feeds several sessions of this model together: the weights are read once for all of them. Each gets the same bits
   * as alone. (Concurrent calls of `session.feed` share their batches in the same way.)
   * @returns the logits after each session's last token
   * @example
   * const parts = [1, 2].map((token) => ({ session: model.createSession(), tokens: [token] }));
   * const [first, second] = await model.feedAll(parts);
   */
  feedAll(parts: readonly { session: Session; tokens: number | Iterable<number> }[]): Promise<Float32Array[]> {
    checkParts(parts);
    return Promise.all(parts.map(({ session, tokens }) => session.feed(tokens)));
  }

  /**
   * Cuts exactly these heads of the time mixing: they contribute nothing in any session until they are restored. `[]`
   * restores all of them, to the same bits. Clears the prefix cache.
   * @throws RangeError for a head outside the model; RWKV-4 has none
   * @example
   * await model.cutHeads([{ layer: 1, head: 0 }]);
   * await model.cutHeads([]);
   */
  async cutHeads(heads: readonly Head[]): Promise<void> {
    this.#checkAlive();
    checkHeads(heads, this.info);
    await this.#runner.alone(() => this.#cuts.set(heads));
    this.#cache.clear();
  }

  /** Ends the threads and frees all memory. Running calls are rejected. Repeated calls do nothing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const session of this.#sessions) session.dispose();
    this.#cache.clear();
    await this.#engine.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #checkAlive(): void {
    if (this.#disposed) throw new WkvError("disposed", "The model was disposed: load it again.");
  }
}

/** @throws TypeError */
function checkSaved(saved: unknown): void {
  if (saved === undefined || saved instanceof Uint8Array) return;
  if (!isPlain(saved)) throw new TypeError(`"saved" expected a Uint8Array or { initialState }, got ${kindOf(saved)}`);
  checkNames(saved, { initialState: true }, "createSession");
  const { initialState } = saved as SessionOptions;
  if (initialState !== undefined && !(initialState instanceof Uint8Array))
    throw new TypeError(`"initialState" expected a Uint8Array, got ${kindOf(initialState)}`);
}

function checkParts(parts: unknown): void {
  if (!Array.isArray(parts)) throw new TypeError(`"parts" expected an array, got ${kindOf(parts)}`);
  for (const part of parts) checkNames(part, { session: true, tokens: true }, "feedAll");
  if (!parts.every(({ session }) => session instanceof Session))
    throw new TypeError('"parts" expected a session of this model in each');
}

function isPlain(value: unknown): value is object {
  const prototype = typeof value === "object" && value !== null && Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isOptions(saved: Uint8Array | SessionOptions | undefined): saved is SessionOptions {
  return typeof saved === "object" && !(saved instanceof Uint8Array);
}

function infoOf(engine: Engine, { shape, ...plan }: Plan, described: ModelParts["described"]): ModelInfo {
  const oneCore = platform.defaultThreads === 1 && plan.threads === 1 ? "this machine has one core." : undefined;
  const singleThreadReason = engine.singleThreadReason ?? oneCore;
  return {
    architecture: shape.version.name,
    version: shape.release,
    layers: shape.layers,
    width: shape.width,
    headSize: shape.version.hasHeads ? shape.headSize : 0,
    vocabSize: shape.vocabSize,
    weights: plan.weights,
    ...(weightFormat(plan.weights).quantised && { activationBits: plan.activations8 ? 8 : 14 }),
    bytes: plan.weightBytes,
    stateBytes: plan.stateBytes,
    threads: engine.threads,
    ...(singleThreadReason && { singleThreadReason }),
    ...engine.kernels,
    ...described,
  };
}
