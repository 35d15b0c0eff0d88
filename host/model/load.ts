import { platform } from "#platform";
import { isWeightFormat, quotedFormats, type WeightFormat } from "../checkpoint/weight-formats.ts";
import { EmbeddingRows } from "../engine/embedding.ts";
import { Engine } from "../engine/engine.ts";
import { makePlan, type Plan } from "../engine/plan.ts";
import type { Platform, Simd } from "../engine/platform.ts";
import { chooseKernels, type Kernels } from "../engine/simd.ts";
import { arrangeWeights, embeddingRows, loadWeights } from "../loading/loader.ts";
import { loadPacked } from "../loading/packed.ts";
import { checkNames } from "../options/names.ts";
import type { ModelSource } from "../source/open.ts";
import type { Progress } from "../source/progress.ts";
import { identify } from "../state/identity.ts";
import { PrefixCache, type PrefixCacheOptions } from "../state/prefix-cache.ts";
import { tunedState } from "../state/tuned-state.ts";
import type { TokenizerSource } from "../tokenizer/load.ts";
import { Model, type ModelInfo } from "./model.ts";
import {
  type ModelFiles,
  OPEN_OPTIONS,
  type OpenModel,
  type OpenOptions,
  planOptions,
  readModel,
  withFiles,
} from "./open.ts";
import { templateOf } from "./template.ts";
import { chooseTokenizer } from "./vocab.ts";

export interface LoadOptions extends OpenOptions {
  /**
   * How matrices are stored in memory. "int8" (the default): a scale per row and 32 columns, a quarter of f32's bytes;
   * Q8_0 blocks of a file are kept exactly. "f32": as exact as the file. A packed file has its own format.
   */
  weights?: WeightFormat;
  /**
   * "int8": inputs of int8 matrices are rounded to 8 bits in products, rather than 14. Where a relaxed dot product is one
   * instruction, prompts are read faster; the divergence from f32 doubles (docs/quality.md). With int4 weights they always are.
   */
  activations?: "int8";
  /**
   * Where the embedding is. "source": in the model's file, Blob or address, which stays open, and of which the row of a
   * token is read when it comes; the results are the same. Default: "memory".
   */
  embedding?: "memory" | "source";
  /** Thread count. Default: the machine's cores, at most 4. The results are the same for any number. */
  threads?: number;
  /** Most bytes of memory that the model may take with one session. Default: the 4 GiB of 32-bit WebAssembly. */
  maxBytes?: number;
  /** Which build of the WebAssembly module runs. Default: the faster one here. The results are the same. */
  simd?: Simd;
  /**
   * The vocabulary: "world", "pile", "bytes", a file's path, an address or contents. Default: the one in the model's
   * file (GGUF), otherwise a file next to the model, otherwise inferred from the vocabulary size. null: none, for use
   * by token ids only.
   */
  vocab?: TokenizerSource | null;
  /**
   * Epsilon of the group norm in RWKV-5 to 7. Default 64e-5; for RWKV-5 in rwkv.cpp's format 1e-5; for files of
   * flash-linear-attention 1e-5 times the head size.
   */
  groupNormEps?: number;
  /**
   * Caches states of prompts, so that a prompt with the same beginning is not read again: `maxBytes`, outside the
   * model's memory, for all sessions. Default: none. The logits have the same bits with and without it.
   */
  prefixCache?: PrefixCacheOptions;
  onProgress?: (progress: Progress) => void;
  /**
   * Pages that load wkv from another site, under a content security policy without `blob:`: the address of a file on the
   * page's own site with the line `import "https://CDN/wkv/build/browser-worker.js";`.
   */
  worker?: string | URL;
}

const LOAD_OPTIONS = {
  ...OPEN_OPTIONS,
  weights: true,
  activations: true,
  embedding: true,
  threads: true,
  maxBytes: true,
  simd: true,
  vocab: true,
  groupNormEps: true,
  prefixCache: true,
  onProgress: true,
  worker: true,
} as const satisfies Record<keyof LoadOptions, true>;

/**
 * Loads a model. Memory is allocated once, at its final size, and the weights are streamed into it.
 * @param source a path, `hf:ORG/REPO[/FILE or :Q8_0][@REVISION]`, a URL, a Blob or File, bytes, or `{ size, read(offset, length) }`;
 *   "box": the bundled model, where there are files
 * @throws WkvError (see its codes); TypeError and RangeError for wrong arguments; the signal's reason
 *
 * @example
 * const model = await loadModel("box", { threads: 2 });
 * const session = model.createSession();
 * for await (const { text } of session.generate("Once upon a time", { maxTokens: 5 })) console.log(text);
 * await model.dispose();
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  checkNames(options, LOAD_OPTIONS, "loadModel");
  const { threads = platform.defaultThreads } = options;
  checkOptions(options, threads);
  const kernels = await chooseKernels(options.simd, platform);
  return withFiles(source, options, (opened) => loadFrom(opened, kernels, { ...options, threads }));
}

/** The platform, with the page's own file for threads where it names one. */
function platformFor({ worker }: LoadOptions): Platform {
  return worker === undefined ? platform : { ...platform, startThread: () => platform.startThread(worker) };
}

function checkOptions(options: LoadOptions, threads: number): void {
  const { weights, activations, groupNormEps, prefixCache, embedding, maxBytes } = options;
  if (prefixCache !== undefined) checkNames(prefixCache, { maxBytes: true }, "prefixCache");
  if (embedding !== undefined && embedding !== "memory" && embedding !== "source")
    throw new RangeError(`"embedding" expected "memory" or "source", got ${JSON.stringify(embedding)}`);
  if (!Number.isInteger(threads) || threads < 1 || threads > 64)
    throw new RangeError(`"threads" expected a whole number from 1 to 64, got ${threads}`);
  if (weights !== undefined && !isWeightFormat(weights))
    throw new RangeError(`"weights" expected ${quotedFormats()}, got ${JSON.stringify(weights)}`);
  if (activations !== undefined && activations !== "int8")
    throw new RangeError(`"activations" expected "int8", got ${JSON.stringify(activations)}`);
  if (activations && weights === "f32")
    throw new RangeError('"activations" expected weights of int8 or int4, which are multiplied as integers, got "f32"');
  if (maxBytes !== undefined && !(maxBytes > 0))
    throw new RangeError(`"maxBytes" expected a number above 0, got ${maxBytes}`);
  if (groupNormEps !== undefined && !(groupNormEps > 0))
    throw new RangeError(`"groupNormEps" expected a number above 0, got ${groupNormEps}`);
}

async function readPlan(
  files: ModelFiles,
  options: LoadOptions & { threads: number },
): Promise<{ opened: OpenModel; plan: Plan }> {
  const opened = await readModel(files);
  const { recipe, file } = opened;
  const planned = planOptions(opened, { ...options, small: platform.hostComputes });
  return { opened, plan: makePlan(recipe, planned, file.name, options.maxBytes) };
}

/** The threads start while the file's directory is read. */
async function loadFrom(
  files: ModelFiles,
  kernels: Kernels,
  options: LoadOptions & { threads: number },
): Promise<Model> {
  const host = platformFor(options);
  const prepared = Engine.prepare(host, kernels, options.threads);
  const { opened, plan } = await readPlan(files, options).catch(async (error) => {
    await Engine.discard(prepared);
    throw error;
  });
  const { file, checkpoint, recipe } = opened;
  const { shape } = recipe;
  const cache = new PrefixCache(shape, options.prefixCache);
  const engine = await Engine.start(plan, host, prepared);
  const loading = checkpoint.packed
    ? loadPacked(checkpoint.packed, recipe, plan, engine, options, file.name)
    : loadWeights(recipe, plan, engine, options);
  try {
    const [tokenizer, described, start] = await Promise.all([
      chooseTokenizer(options.vocab, { file, checkpoint, shape }, options.signal),
      describeFile(opened),
      recipe.tunedState && tunedState(recipe.tunedState, shape),
      loading,
    ]);
    options.signal?.throwIfAborted();
    const identity = await identify(recipe, plan, engine);
    await arrangeWeights(recipe, plan, engine);
    if (plan.embedding === "source") keepRows(files, opened, plan, engine);
    return new Model({ engine, plan, tokenizer, start, identity, cache, described });
  } catch (error) {
    await engine.dispose();
    await loading.catch(() => {}); // it ends with the engine and reads nothing afterwards
    throw error;
  }
}

/** From now on the file is the engine's. */
function keepRows(files: ModelFiles, { file, checkpoint, recipe }: OpenModel, plan: Plan, engine: Engine): void {
  const table = recipe.globals.find(({ kind }) => kind === "table");
  const rows = embeddingRows(recipe, checkpoint.packed, () => file.close());
  engine.embedding = new EmbeddingRows(rows, engine.memory, (table && plan.addresses.get(table)) ?? 0);
  files.keep();
}

/** The file's name and chat template. */
async function describeFile(opened: OpenModel): Promise<Pick<ModelInfo, "name" | "chatTemplate">> {
  const template = await templateOf(opened);
  return { name: opened.file.name.split(/[\\/]/).at(-1)!, ...(template ? { chatTemplate: template } : {}) };
}
