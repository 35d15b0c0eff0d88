import { files } from "#files";
import { platform } from "#platform";
import { DEFAULT_WEIGHTS, isWeightFormat, quotedFormats, type WeightFormat } from "../checkpoint/weight-formats.ts";
import type { Engine } from "../engine/engine.ts";
import { makePlan, type Plan } from "../engine/plan.ts";
import { WkvError } from "../errors.ts";
import { OPEN_OPTIONS, type OpenModel, type OpenOptions, planOptions, readModel, withFiles } from "../model/open.ts";
import { type CarriedVocabulary, carriedVocabulary } from "../model/vocab.ts";
import type { Recipe } from "../models/recipe.ts";
import { checkNames } from "../options/names.ts";
import type { ModelSource } from "../source/open.ts";
import type { LoadControl, Progress } from "../source/progress.ts";
import type { TokenizerSource } from "../tokenizer/load.ts";
import { ggufFile, ggufSize } from "./gguf.ts";
import { mixFormats } from "./gptq/mixed.ts";
import { ownText } from "./gptq/own-text.ts";
import { halfChunks, halfHeader } from "./half.ts";
import { type PackingOptions, packModel, shares } from "./packed-model.ts";
import { packedHeader, stateChunks, stateTensors } from "./packed-writer.ts";

export interface ConvertOptions extends OpenOptions {
  /**
   * "int8" (the default), "int4" and "f32": packed, the bytes as the kernels read them, for the quickest start. "f16": a
   * plain safetensors file under the published names, which other programs read too; packed when it is loaded. In a GGUF
   * they are Q8_0, Q4_0, F32 and F16.
   */
  weights?: WeightFormat | "f16" | "auto";
  /**
   * Rounds to int4 so that the results on a text change as little as can be (GPTQ): a text of the kind that the model is
   * for, of which 8,192 tokens are read, or true for one that the model writes itself. Takes minutes.
   */
  calibrate?: true | string | Uint8Array;
  /** Of weights "auto", which measures what each matrix costs as int4: the most bytes that the file may have. */
  size?: number;
  /** "gguf": a file that llama.cpp reads too, of RWKV-6 and 7. Default: by the target's name, otherwise "safetensors". */
  format?: "safetensors" | "gguf";
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
  calibrate: true,
  size: true,
  format: true,
  vocab: true,
  groupNormEps: true,
  threads: true,
  onProgress: true,
} as const satisfies Record<keyof ConvertOptions, true>;

export interface Converted {
  /** Size of the file. */
  readonly bytes: number;
  /** "auto" gives int4, with some matrices in int8. */
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
 * @example
 * const { bytes } = await convertModel("box", "box-int8.safetensors", { weights: "int8" });
 * console.log(bytes);
 */
export async function convertModel(
  source: ModelSource,
  target: string | URL | WritableStream<Uint8Array>,
  options: ConvertOptions = {},
): Promise<Converted> {
  checkNames(options, CONVERT_OPTIONS, "convertModel");
  checkOptions(target, options);
  return withFiles(source, options, async (opened) => {
    const model = await readModel(opened);
    const { file, checkpoint, recipe } = model;
    if (checkpoint.packed)
      throw new WkvError("unsupported-model", `${file.name} is already packed: convert the original model.`);
    const vocabulary = await carriedVocabulary(
      options.vocab,
      { file, checkpoint, shape: recipe.shape },
      options.signal,
    );
    const job = await prepare({ model, vocabulary, target, options, weights: DEFAULT_WEIGHTS }, source);
    const bytes = await convertTo(job);
    return { bytes, weights: job.weights, tokenizer: vocabulary?.kind };
  });
}

function checkOptions(target: Job["target"], { weights, size, format, calibrate }: ConvertOptions): void {
  const isAuto = weights === "auto";
  if (weights !== undefined && weights !== "f16" && !isAuto && !isWeightFormat(weights))
    throw new RangeError(`"weights" expected ${quotedFormats("f16", "auto")}, got ${JSON.stringify(weights)}`);
  if (typeof target !== "string" && !(target instanceof URL) && !(target instanceof WritableStream))
    throw new TypeError(`"target" expected a path, URL or WritableStream, got ${typeof target}`);
  if (format !== undefined && !["safetensors", "gguf"].includes(format))
    throw new RangeError(`"format" expected "safetensors" or "gguf", got ${JSON.stringify(format)}`);
  if (size !== undefined && !(size > 0 && isAuto))
    throw new RangeError(`"size" expected a number above 0 beside weights: "auto", got ${size} beside "${weights}"`);
  if (calibrate !== undefined && weights !== "int4" && !isAuto)
    throw new RangeError(
      `"calibrate" expected weights: "int4" or "auto" beside it, got "${weights ?? DEFAULT_WEIGHTS}"`,
    );
}

/** Reads the text, and chooses each matrix's format, where that was asked for. */
async function prepare(job: Job, source: ModelSource): Promise<Job> {
  const { options } = job;
  const { weights = DEFAULT_WEIGHTS, calibrate } = options;
  if (weights !== "auto" && calibrate === undefined) return { ...job, weights };
  const [text, mix, rest] = shares(options, weights === "auto" ? [2, 6, 12] : [2, 0, 12]) as Shares;
  const settings = packing(job);
  const tokens = await calibrationTokens(job, source, text);
  const prepared = { ...job, options: { ...options, ...rest }, tokens: calibrate === undefined ? undefined : tokens };
  if (weights !== "auto") return { ...prepared, weights };
  const limit = { of: (recipe: Recipe) => sizeOf({ ...prepared, weights: "int4" }, recipe), most: options.size };
  const recipe = await mixFormats(job.model, { ...settings, weights: "int4", tokens }, limit, mix);
  return { ...prepared, weights: "int4", model: { ...job.model, recipe } };
}

type Shares = [LoadControl, LoadControl, LoadControl];

/** Tokens of a text that are read. */
const MOST_TOKENS = 8192;

async function calibrationTokens({ options, vocabulary }: Job, source: ModelSource, control: LoadControl) {
  const { calibrate = true, threads = platform.defaultThreads } = options;
  const { lora, cacheDir, hub, groupNormEps } = options;
  if (calibrate === true) return ownText(source, { lora, cacheDir, hub, groupNormEps, threads }, control);
  if (!vocabulary)
    throw new WkvError(
      "bad-vocab",
      "A text for calibration needs a vocabulary: give it (--vocab, or the option vocab).",
    );
  const tokens = vocabulary.tokenizer.encode(calibrate).slice(0, MOST_TOKENS);
  if (tokens.length > 0) return tokens;
  throw new RangeError('"calibrate" expected a text of some thousand words, got an empty one');
}

/** Bytes of the file that a recipe gives. */
function sizeOf(job: Job, recipe: Recipe): number {
  const model = { ...job.model, recipe };
  if (formatOf(job) === "gguf") return ggufSize(recipe, "int4");
  const plan = makePlan(recipe, planOptions(model, packing(job)), model.file.name);
  return packedSize(recipe, plan, job.vocabulary);
}

function packing({ options, weights, tokens }: Job): PackingOptions {
  const { threads = platform.defaultThreads, groupNormEps } = options;
  return { threads, weights: weights === "f16" ? DEFAULT_WEIGHTS : weights, groupNormEps, tokens };
}

function formatOf({ target, options: { format } }: Job): "safetensors" | "gguf" {
  return format ?? (/\.gguf$/i.test(String(target)) ? "gguf" : "safetensors");
}

function convertTo(job: Job): Promise<number> {
  if (formatOf(job) === "gguf") return convertToGguf(job);
  return job.weights === "f16" ? convertToHalf(job) : convertToPacked(job);
}

interface Job {
  readonly model: OpenModel;
  readonly vocabulary: CarriedVocabulary | undefined;
  readonly target: string | URL | WritableStream<Uint8Array>;
  readonly options: ConvertOptions;
  readonly weights: WeightFormat | "f16";
  /** The text for rounding to int4. */
  readonly tokens?: readonly number[] | undefined;
}

/** Loads the model as usual, and writes its memory. @returns bytes of the file */
async function convertToPacked(job: Job): Promise<number> {
  const { model, vocabulary, target, options } = job;
  const { recipe } = model;
  const [load, write] = shares(options, [job.tokens ? 9 : 1, 1]) as [LoadControl, LoadControl];
  const { plan, engine } = await packModel(model, packing(job), load);
  try {
    const header = packedHeader(recipe, plan, vocabulary);
    const size = packedSize(recipe, plan, vocabulary);
    await send(target, size, concat(header, memoryChunks(plan, engine, write), recipe, vocabulary));
    return size;
  } finally {
    await engine.dispose();
  }
}

function packedSize(recipe: Recipe, plan: Plan, vocabulary: CarriedVocabulary | undefined): number {
  return packedHeader(recipe, plan, vocabulary).length + plan.weightBytes + tailBytes(recipe, vocabulary);
}

/** @returns bytes of the file */
async function convertToGguf(job: Job): Promise<number> {
  const { model, vocabulary, weights, options } = job;
  const { size, chunks } = await ggufFile({ model, vocabulary, ...packing(job), weights });
  await send(job.target, size, chunks(options));
  return size;
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
