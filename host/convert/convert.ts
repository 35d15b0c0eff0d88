import { files } from "#files";
import { platform } from "#platform";
import { DEFAULT_WEIGHTS, isWeightFormat, quotedFormats, type WeightFormat } from "../checkpoint/weight-formats.ts";
import { Engine } from "../engine/engine.ts";
import { makePlan, type Plan } from "../engine/plan.ts";
import { WkvError } from "../errors.ts";
import { loadWeights } from "../loading/loader.ts";
import { OPEN_OPTIONS, type OpenModel, type OpenOptions, planOptions, readModel, withFiles } from "../model/open.ts";
import { type CarriedVocabulary, carriedVocabulary } from "../model/vocab.ts";
import type { Recipe } from "../models/recipe.ts";
import { checkNames } from "../options/names.ts";
import type { ModelSource } from "../source/open.ts";
import type { LoadControl, Progress } from "../source/progress.ts";
import type { TokenizerSource } from "../tokenizer/load.ts";
import { halfChunks, halfHeader } from "./half.ts";
import { packedHeader, stateChunks, stateTensors } from "./packed-writer.ts";

export interface ConvertOptions extends OpenOptions {
  /**
   * "int8" (the default), "int4" and "f32": packed, the bytes as the kernels read them, for the fastest start. "f16": a
   * plain safetensors file under the published names, for other programs too; packed when it is loaded.
   */
  weights?: WeightFormat | "f16";
  /** The vocabulary to include in the file, chosen as by `loadModel`. null: none. */
  vocab?: TokenizerSource | null;
  /** Epsilon of the group norm in RWKV-5 to 7, if it differs from `loadModel`'s choice; only for packed files. */
  groupNormEps?: number;
  threads?: number;
  onProgress?: (progress: Progress) => void;
}

const CONVERT_OPTIONS = {
  ...OPEN_OPTIONS,
  weights: true,
  vocab: true,
  groupNormEps: true,
  threads: true,
  onProgress: true,
} as const satisfies Record<keyof ConvertOptions, true>;

export interface Converted {
  /** Size of the file. */
  readonly bytes: number;
  readonly weights: WeightFormat | "f16";
  /** Kind of the vocabulary in the file; undefined if there is none. */
  readonly tokenizer: string | undefined;
}

/** Bytes per write. */
const CHUNK = 4 << 20;

/**
 * Converts a model to one file with weights and vocabulary. Loading it gives the same bits as loading its source with
 * the same `weights`.
 * @param target a path, which at any time holds the old file or the complete new one, or a stream, which is closed at
 *   the end
 * @throws WkvError as `loadModel`, and `no-space`; TypeError and RangeError for wrong arguments; the signal's reason
 */
export async function convertModel(
  source: ModelSource,
  target: string | URL | WritableStream<Uint8Array>,
  options: ConvertOptions = {},
): Promise<Converted> {
  checkNames(options, CONVERT_OPTIONS, "convertModel");
  const { weights = DEFAULT_WEIGHTS, signal } = options;
  if (weights !== "f16" && !isWeightFormat(weights))
    throw new RangeError(`"weights" expected ${quotedFormats("f16")}, got ${JSON.stringify(weights)}`);
  if (typeof target !== "string" && !(target instanceof URL) && !(target instanceof WritableStream))
    throw new TypeError(`"target" expected a path, URL or WritableStream, got ${typeof target}`);
  return withFiles(source, options, async (opened) => {
    const model = await readModel(opened);
    const { file, checkpoint, recipe } = model;
    if (checkpoint.packed)
      throw new WkvError("unsupported-model", `${file.name} is already packed: convert the original model.`);
    const vocabulary = await carriedVocabulary(options.vocab, { file, checkpoint, shape: recipe.shape }, signal);
    const job = { model, vocabulary, target, options };
    const bytes = await (weights === "f16" ? convertToHalf(job) : convertToPacked(job, weights));
    return { bytes, weights, tokenizer: vocabulary?.kind };
  });
}

interface Job {
  readonly model: OpenModel;
  readonly vocabulary: CarriedVocabulary | undefined;
  readonly target: string | URL | WritableStream<Uint8Array>;
  readonly options: ConvertOptions;
}

/** Loads the model as usual, and writes its memory. @returns bytes of the file */
async function convertToPacked({ model, vocabulary, target, options }: Job, weights: WeightFormat): Promise<number> {
  const { recipe, file } = model;
  const { threads = platform.defaultThreads, groupNormEps } = options;
  const plan = makePlan(recipe, planOptions(model, { threads, weights, groupNormEps }), file.name);
  const engine = await Engine.start(plan, platform, Engine.prepare(platform, { simd: "plain" }, threads));
  try {
    const [load, write] = halves(plan.weightBytes, options);
    await loadWeights(recipe, plan, engine, load);
    const header = packedHeader(recipe, plan, vocabulary);
    const size = header.length + plan.weightBytes + tailBytes(recipe, vocabulary);
    await send(target, size, concat(header, memoryChunks(plan, engine, write), recipe, vocabulary));
    return size;
  } finally {
    await engine.dispose();
  }
}

/** @returns bytes of the file */
async function convertToHalf({ model, vocabulary, target, options }: Job): Promise<number> {
  const { recipe, file } = model;
  const header = halfHeader(recipe, vocabulary, file.name);
  const size = header.bytes.length + header.weightBytes + tailBytes(recipe, vocabulary);
  await send(target, size, concat(header.bytes, halfChunks(recipe, file.name, options), recipe, vocabulary));
  return size;
}

async function* memoryChunks(plan: Plan, engine: Engine, { onProgress, signal }: LoadControl) {
  for (let at = 0; at < plan.weightBytes; ) {
    signal?.throwIfAborted();
    const words = Math.min(CHUNK, plan.weightBytes - at) / 4;
    const chunk = new Uint8Array((await engine.memory.read(plan.firstWeight + at, words)).buffer);
    yield chunk;
    at += chunk.length;
    onProgress?.({ loaded: at, total: plan.weightBytes });
  }
  signal?.throwIfAborted();
}

/** The part of the file after the weights. */
function tailBytes(recipe: Recipe, vocabulary: CarriedVocabulary | undefined): number {
  return stateTensors(recipe).reduce((sum, { bytes }) => sum + bytes, vocabulary?.contents.length ?? 0);
}

async function* concat(
  header: Uint8Array,
  weights: AsyncIterable<Uint8Array>,
  recipe: Recipe,
  vocabulary: CarriedVocabulary | undefined,
) {
  yield header;
  yield* weights;
  yield* stateChunks(recipe);
  if (vocabulary?.contents.length) yield vocabulary.contents;
}

/** Reading counts as the first half, writing as the second; both in bytes of the new file. */
function halves(bytes: number, { onProgress, signal }: ConvertOptions): [LoadControl, LoadControl] {
  const part = (done: number) => ({
    signal,
    onProgress: ({ loaded, total }: Progress) =>
      onProgress?.({ loaded: Math.floor((bytes * (done + loaded / total)) / 2), total: bytes }),
  });
  return [part(0), part(1)];
}

async function send(target: Job["target"], size: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  if (target instanceof WritableStream) return sendToStream(target, chunks);
  if (!files) throw new WkvError("not-found", `${target}: there is no file system here; give a WritableStream.`);
  await files.saveFile(typeof target === "string" ? target : files.fileURLToPath(target), chunks, size);
}

async function sendToStream(target: WritableStream<Uint8Array>, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const writer = target.getWriter();
  try {
    for await (const chunk of chunks) {
      await writer.ready;
      await writer.write(chunk);
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}
