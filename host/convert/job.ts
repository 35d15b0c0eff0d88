import { files } from "#files";
import { platform } from "#platform";
import { DEFAULT_WEIGHTS, type WeightFormat } from "../checkpoint/weight-formats.ts";
import type { Engine } from "../engine/engine.ts";
import { makePlan, type Plan } from "../engine/plan.ts";
import { WkvError } from "../errors.ts";
import { type OpenModel, planOptions, readModel, withFiles } from "../model/open.ts";
import { type CarriedVocabulary, carriedVocabulary } from "../model/vocab.ts";
import type { Recipe } from "../models/recipe.ts";
import type { ModelSource } from "../source/open.ts";
import type { LoadControl } from "../source/progress.ts";
import { ggufFile, ggufSize } from "./gguf.ts";
import { mixFormats } from "./gptq/mixed.ts";
import { ownText } from "./gptq/own-text.ts";
import { halfChunks, halfHeader } from "./half.ts";
import type { Converted, ConvertOptions, ConvertTarget } from "./options.ts";
import { type PackingOptions, packModel, shares } from "./packed-model.ts";
import { packedHeader, stateChunks, stateTensors } from "./packed-writer.ts";

/** Bytes per write. */
const CHUNK = 4 << 20;

/** Converts with checked options. */
export async function convert(source: ModelSource, target: ConvertTarget, options: ConvertOptions): Promise<Converted> {
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
  readonly target: ConvertTarget;
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
