import { platform } from "#platform";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { openCheckpoint } from "../checkpoint/open.ts";
import { DEFAULT_WEIGHTS, isWeightFormat, quotedFormats, type WeightFormat } from "../checkpoint/weight-formats.ts";
import { Engine } from "../engine/engine.ts";
import { type Head, HeadCuts } from "../engine/head-cuts.ts";
import { makePlan, type Plan, type PlanOptions } from "../engine/plan.ts";
import type { Simd } from "../engine/platform.ts";
import { Runner } from "../engine/runner.ts";
import { chooseSimd } from "../engine/simd.ts";
import { WkvError } from "../errors.ts";
import { loadPacked, loadWeights } from "../loading/loader.ts";
import { type BenchmarkOptions, type BenchmarkResult, benchmark } from "../measure/benchmark.ts";
import { type Perplexity, type PerplexityOptions, perplexity } from "../measure/perplexity.ts";
import { zeroShare } from "../measure/sparsity.ts";
import type { Recipe } from "../models/recipe.ts";
import { recogniseModel } from "../models/recognise.ts";
import { Session } from "../session/session.ts";
import type { HubOptions } from "../source/net/hub.ts";
import { type ModelSource, openSource } from "../source/open.ts";
import type { Progress } from "../source/progress.ts";
import type { Source } from "../source/source.ts";
import { type Identity, identify } from "../state/identity.ts";
import { PrefixCache, type PrefixCacheOptions, type PrefixCacheStats } from "../state/prefix-cache.ts";
import { readState } from "../state/state-file.ts";
import { readInitialState, tunedState } from "../state/tuned-state.ts";
import type { TokenizerSource } from "../tokenizer/load.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { checkLoras, type LoraOptions, type OpenLora, openLora } from "./lora.ts";
import { templateBeside } from "./template.ts";
import { chooseTokenizer } from "./vocab.ts";

export interface LoadOptions {
  /**
   * How matrices are kept in memory. "int8" (the default): a scale for each row and 32 columns, a quarter of f32's
   * bytes; what a file holds as Q8_0 is kept exactly. "f32": as exact as the file. A packed file has its own.
   */
  weights?: WeightFormat;
  /** Threads that compute. Default: the machine's cores, at most 4. The results are the same for any number. */
  threads?: number;
  /** Which of the module's builds runs. Default: the faster one here. The results are the same. */
  simd?: Simd;
  /**
   * The vocabulary: "world", "pile", "bytes", a file's path, an address or contents. Default: the one in the model's
   * file (GGUF), else a file beside it, else what its size tells. null: none, for use by token ids only.
   */
  vocab?: TokenizerSource | null;
  /**
   * Epsilon of the group norm in RWKV-5 to 7. Default 64e-5; for RWKV-5 in rwkv.cpp's format 1e-5; for files of
   * flash-linear-attention 1e-5 times the head size.
   */
  groupNormEps?: number;
  /**
   * Keeps states of prompts, so that one with the same beginning need not be read again: `maxBytes`, outside the model's
   * memory, for all sessions. Default: none. The bits of the logits do not depend on it.
   */
  prefixCache?: PrefixCacheOptions;
  /** LoRAs that are merged into the weights on their way into memory, one after the other. */
  lora?: readonly LoraOptions[];
  /** Where downloads are kept on disk. Default: `wkv` in the user's cache directory (XDG). */
  cacheDir?: string;
  /** Which hub `hf:` means, and the token for it. Default: HF_ENDPOINT and HF_TOKEN. */
  hub?: HubOptions;
  onProgress?: (progress: Progress) => void;
  /** Aborts the loading. */
  signal?: AbortSignal;
}

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
  /** Bytes of weights in memory. */
  readonly bytes: number;
  /** Bytes of one session. */
  readonly stateBytes: number;
  readonly threads: number;
  /** Why there is one thread although nobody asked for that: what to change, in a sentence. */
  readonly singleThreadReason?: string;
  readonly simd: Simd;
  /** The file's name, without folders. */
  readonly name: string;
  /** What the file, or one of Hugging Face beside it, says of how to chat: "rwkv-world", or a Jinja template. */
  readonly chatTemplate?: string;
}

/**
 * Loads a model. Memory is taken once, at its final size, and the weights are streamed into it.
 * @param source a path, `hf:ORG/REPO[/FILE][@REVISION]`, a URL, a Blob or File, bytes, or `{ size, read(offset, length) }`
 * @throws WkvError (see its codes); TypeError and RangeError for wrong arguments; the signal's reason
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  const { threads = platform.defaultThreads, weights, groupNormEps, signal } = options;
  if (!Number.isInteger(threads) || threads < 1 || threads > 64)
    throw new RangeError(`"threads" expected a whole number from 1 to 64, got ${threads}`);
  if (weights !== undefined && !isWeightFormat(weights))
    throw new RangeError(`"weights" expected ${quotedFormats()}, got ${JSON.stringify(weights)}`);
  if (groupNormEps !== undefined && !(groupNormEps > 0))
    throw new RangeError(`"groupNormEps" expected a number above 0, got ${groupNormEps}`);
  checkLoras(options.lora ?? []);
  const simd = await chooseSimd(options.simd, platform);
  signal?.throwIfAborted();
  const file = await openSource(source, options);
  const loras: OpenLora[] = [];
  try {
    for (const lora of options.lora ?? []) loras.push(await openLora(lora));
    return await loadFrom(file, loras, { ...options, threads, simd });
  } finally {
    await Promise.all([file, ...loras.map((lora) => lora.file)].map((each) => each.close()));
  }
}

/** The model as the file describes it, and where it goes in memory. */
async function readPlan(
  file: Source,
  loras: readonly OpenLora[],
  options: LoadOptions & { threads: number },
): Promise<{ checkpoint: Checkpoint; recipe: Recipe; plan: Plan }> {
  const checkpoint = await openCheckpoint(file);
  const recipe = recogniseModel(checkpoint, file.name, loras);
  if (checkpoint.packed && loras.length > 0)
    throw new WkvError("unsupported-model", `${file.name} is packed: LoRAs are merged into the original model only.`);
  return { checkpoint, recipe, plan: makePlan(recipe, planOptions(checkpoint, recipe, options, file.name), file.name) };
}

async function loadFrom(
  file: Source,
  loras: readonly OpenLora[],
  options: LoadOptions & { threads: number; simd: Simd },
): Promise<Model> {
  const prepared = Engine.prepare(platform, options.simd, options.threads);
  const { checkpoint, recipe, plan } = await readPlan(file, loras, options).catch(async (error) => {
    await Engine.discard(prepared);
    throw error;
  });
  const { shape } = recipe;
  const cache = new PrefixCache(shape, options.prefixCache);
  const engine = await Engine.start(plan, platform, prepared);
  const loading = checkpoint.packed
    ? loadPacked(checkpoint.packed, recipe, plan, engine, options, file.name)
    : loadWeights(recipe, plan, engine, options);
  try {
    const [tokenizer, described, start] = await Promise.all([
      chooseTokenizer(options.vocab, { file, checkpoint, shape }, options.signal),
      describeFile(file, checkpoint),
      recipe.tunedState && tunedState(recipe.tunedState, shape),
      loading,
    ]);
    options.signal?.throwIfAborted();
    const identity = await identify(recipe, plan, engine);
    return new Model(engine, plan, recipe, tokenizer, start, identity, cache, described);
  } catch (error) {
    await engine.dispose();
    await loading.catch(() => {}); // it ends with the engine, and reads nothing more from then on
    throw error;
  }
}

/** What a file says of itself, or what lies beside it says of it. */
async function describeFile(file: Source, { metadata }: Checkpoint): Promise<Pick<ModelInfo, "name" | "chatTemplate">> {
  const own = metadata?.get("tokenizer.chat_template");
  const template = typeof own === "string" ? own : await templateBeside(file);
  return { name: file.name.split(/[\\/]/).at(-1)!, ...(template ? { chatTemplate: template } : {}) };
}

/** What was not asked for is as the file has it. @throws WkvError `unsupported-model` when the two contradict */
export function planOptions(
  { packed }: Checkpoint,
  recipe: Recipe,
  { threads, weights, groupNormEps }: Pick<LoadOptions, "weights" | "groupNormEps"> & { threads: number },
  file: string,
): PlanOptions {
  if (packed && weights && weights !== packed.weights)
    throw new WkvError(
      "unsupported-model",
      `${file} is packed as ${packed.weights}, not as ${weights}: load it without saying which, or load the original model.`,
    );
  const eps = packed?.groupNormEps ?? recipe.groupNormEps;
  return { threads, weights: weights ?? packed?.weights ?? DEFAULT_WEIGHTS, groupNormEps: groupNormEps ?? eps };
}

export interface SessionOptions {
  /** What `model.loadState()` gave, or bytes of a saved session. */
  initialState?: Uint8Array | undefined;
}

function isOptions(saved: Uint8Array | SessionOptions | undefined): saved is SessionOptions {
  return typeof saved === "object" && !(saved instanceof Uint8Array);
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

/** A model in memory, with its threads. */
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
  constructor(
    engine: Engine,
    plan: Plan,
    { shape }: Recipe,
    tokenizer: Tokenizer | WkvError,
    start: Float32Array | undefined,
    identity: Identity,
    cache: PrefixCache,
    file: Pick<ModelInfo, "name" | "chatTemplate">,
  ) {
    this.#identity = identity;
    this.#cache = cache;
    this.#engine = engine;
    this.#runner = new Runner(engine, plan, start);
    this.#cuts = new HeadCuts(engine, plan);
    this.#tokenizer = tokenizer;
    const oneCore = platform.defaultThreads === 1 && plan.threads === 1 ? "this machine has one core." : undefined;
    const singleThreadReason = engine.singleThreadReason ?? oneCore;
    this.info = {
      architecture: shape.version.name,
      version: shape.release,
      layers: shape.layers,
      width: shape.width,
      headSize: shape.version.hasHeads ? shape.headSize : 0,
      vocabSize: shape.vocabSize,
      weights: plan.weights,
      bytes: plan.weightBytes,
      stateBytes: plan.stateBytes,
      threads: engine.threads,
      ...(singleThreadReason && { singleThreadReason }),
      simd: engine.simd,
      ...file,
    };
  }

  /** @throws WkvError `bad-vocab` or `not-found` when the model came without a vocabulary: it says which to give */
  get tokenizer(): Tokenizer {
    if (this.#tokenizer instanceof WkvError) throw this.#tokenizer;
    return this.#tokenizer;
  }

  /** What the prefix cache has done so far. */
  get prefixCache(): PrefixCacheStats {
    return this.#cache.stats;
  }

  /**
   * A session that has read nothing, or one that was saved; `session.warnings` says when it was saved with other weights
   * of the same model. With `initialState`, which `loadState()` gives, it has read nothing either, but starts from there,
   * and does so again after `reset()`.
   * @throws WkvError `bad-state` for another model's state, `too-large` when there is no memory for it; where threads do
   *   not share memory, the session's first call says so instead
   */
  createSession(saved?: Uint8Array | SessionOptions): Session {
    this.#checkAlive();
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
   * what `session.save()` gave.
   * @returns bytes for `createSession({ initialState })`, any number of times
   * @throws WkvError `bad-state` for another model's state; as opening a model does
   */
  loadState(source: ModelSource): Promise<Uint8Array> {
    this.#checkAlive();
    return readInitialState(source, this.#runner.plan.shape, this.#identity);
  }

  /** Measures speed: prefill, decode, how much of the memory's bandwidth that is, and where the time goes. */
  benchmark(options?: BenchmarkOptions): Promise<BenchmarkResult> {
    this.#checkAlive();
    return benchmark(this.#runner, options);
  }

  /** How well the model foretells a text; with `compare`, how far it is from another one, such as its f32 weights. */
  perplexity(text: string | Uint8Array, options?: PerplexityOptions): Promise<Perplexity> {
    this.#checkAlive();
    return perplexity(this, text, options);
  }

  /**
   * Reads up to 128 tokens as a text of its own, to tell how sparse the channel mixing is. Nothing else may be running.
   * @returns which share of the last layer's hidden values are exact zeros
   */
  zeroShare(tokens: readonly number[]): Promise<number> {
    this.#checkAlive();
    return zeroShare(this.#runner, tokens);
  }

  /**
   * Takes tokens into several sessions of this model together: the weights are read once for all of them. Each gets the
   * same bits as alone. (Calls of `session.feed` that wait at the same time share their batches just so.)
   * @returns the logits after each session's last token
   */
  feedAll(parts: readonly { session: Session; tokens: number | Iterable<number> }[]): Promise<Float32Array[]> {
    return Promise.all(parts.map(({ session, tokens }) => session.feed(tokens)));
  }

  /**
   * Cuts these heads of the time mixing out of the model, and no others: they add nothing to any session's text until
   * they are restored. `[]` restores all of them, to the same bits. What the prefix cache holds is forgotten.
   * @example
   * await model.cutHeads([{ layer: 3, head: 0 }]);
   * @throws RangeError for a head that the model has not; RWKV-4 has none
   */
  async cutHeads(heads: readonly Head[]): Promise<void> {
    this.#checkAlive();
    checkHeads(heads, this.info);
    await this.#runner.alone(() => this.#cuts.set(heads));
    this.#cache.clear();
  }

  /** Ends the threads and gives all memory back. Calls that are running are rejected. Doing it twice does nothing. */
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
