import { platform } from "#platform";
import { byteLength, type Checkpoint, type Dtype, type Tensor } from "./checkpoint/checkpoint.ts";
import { openCheckpoint } from "./checkpoint/open.ts";
import { WkvError, type WkvErrorCode } from "./errors.ts";
import { type ModelSource, openSource } from "./input.ts";
import type { Progress } from "./loader.ts";
import type { Recipe, Shape } from "./models/recipe.ts";
import { recogniseModel } from "./models/recognise.ts";
import { count } from "./models/weights.ts";
import { makePlan, type WeightFormat } from "./plan.ts";
import type { Source } from "./source.ts";
import { type Stats, tensorStats } from "./stats.ts";
import { embeddedTokenizer, loadFitting, vocabSource } from "./vocab.ts";

export interface InspectOptions {
  /** Reads all values too. */
  stats?: boolean | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** What a model file holds. Values are only read for the statistics. */
export interface Inspection {
  readonly file: string;
  readonly format: Checkpoint["format"];
  /** Bytes of the file. */
  readonly bytes: number;
  /** Values of all tensors. */
  readonly parameters: number;
  readonly stored: readonly { dtype: Dtype; tensors: number; bytes: number }[];
  readonly model?: ModelFacts;
  /** For each way to keep the weights; null where 32-bit memory is too small. */
  readonly memory?: Readonly<Record<WeightFormat, MemoryFacts | null>>;
  readonly tokenizer?: TokenizerFacts;
  /** Why the model cannot be run. */
  readonly error?: { code: WkvErrorCode; message: string };
  /** Entries that hold no weights: name to what it is. */
  readonly skipped: Readonly<Record<string, string>>;
  readonly tensors: readonly TensorFacts[];
}

export interface ModelFacts {
  readonly architecture: string;
  readonly version: string;
  readonly layers: number;
  readonly width: number;
  /** 0 for RWKV-4, which has none; so the head size. */
  readonly heads: number;
  readonly headSize: number;
  readonly vocabSize: number;
  readonly ffn: number;
  /** Widest hidden layers of the low-rank products. */
  readonly ranks: Readonly<Record<string, number>>;
}

/** Bytes; `total` is that of a model with one session. */
export interface MemoryFacts {
  readonly weights: number;
  readonly session: number;
  readonly total: number;
}

/** `error` says what to give when there is none; `kind` is missing for a vocabulary that would have to be downloaded. */
export type TokenizerFacts = { source: string; kind?: string; ids?: number } | { error: string };

export interface TensorFacts {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly stats?: Stats;
}

/**
 * Looks into a model file. A model that wkv does not run is described as far as possible, with the reason in `error`.
 * @throws WkvError when the file cannot be read as a directory of tensors
 */
export async function inspectModel(source: ModelSource, options: InspectOptions = {}): Promise<Inspection> {
  const file = await openSource(source, { onProgress: options.onProgress });
  try {
    const checkpoint = await openCheckpoint(file);
    const tensors = [...checkpoint.tensors.values()];
    return {
      file: file.name,
      format: checkpoint.format,
      bytes: file.size,
      parameters: tensors.reduce((sum, { shape }) => sum + count(shape), 0),
      stored: storedBytes(tensors),
      ...(await describeModel(checkpoint, file, typeof source === "string" ? file.name : undefined)),
      skipped: Object.fromEntries(checkpoint.skipped ?? []),
      tensors: await describeTensors(tensors, options),
    };
  } finally {
    await file.close();
  }
}

function storedBytes(tensors: readonly Tensor[]): Inspection["stored"] {
  const stored = new Map<Dtype, { dtype: Dtype; tensors: number; bytes: number }>();
  for (const tensor of tensors) {
    const { dtype } = tensor;
    const sum = stored.get(dtype) ?? { dtype, tensors: 0, bytes: 0 };
    stored.set(dtype, { dtype, tensors: sum.tensors + 1, bytes: sum.bytes + tensorBytes(tensor) });
  }
  return [...stored.values()];
}

type ModelPart = Pick<Inspection, "model" | "memory" | "tokenizer" | "error">;

async function describeModel(checkpoint: Checkpoint, file: Source, path: string | undefined): Promise<ModelPart> {
  try {
    const recipe = recogniseModel(checkpoint, file.name);
    const memory = { int8: memoryFacts(recipe, "int8"), f32: memoryFacts(recipe, "f32") };
    return { model: modelFacts(recipe.shape), memory, tokenizer: await tokenizerFacts(checkpoint, path, recipe.shape) };
  } catch (error) {
    return { error: reason(error) };
  }
}

function memoryFacts(recipe: Recipe, weights: WeightFormat): MemoryFacts | null {
  try {
    const plan = makePlan(recipe, { threads: platform.defaultThreads, weights, groupNormEps: 1 }, "");
    return { weights: plan.weightBytes, session: plan.stateBytes, total: plan.pages * 65536 };
  } catch (error) {
    if (reason(error).code === "too-large") return null;
    throw error;
  }
}

function modelFacts(shape: Shape): ModelFacts {
  const { arch, version, layers, width, vocabSize, ffn, ranks } = shape;
  const headSize = arch === 4 ? 0 : shape.headSize;
  const names = arch === 7 ? ["w", "a", "v", "g"] : arch === 6 ? ["decay", "mix"] : [];
  return {
    architecture: `rwkv${arch}`,
    version,
    layers,
    width,
    heads: headSize && width / headSize,
    headSize,
    vocabSize,
    ffn,
    ranks: Object.fromEntries(names.map((name, i) => [name, ranks[i] as number])),
  };
}

/** Nothing is downloaded for it. */
async function tokenizerFacts(checkpoint: Checkpoint, path: string | undefined, shape: Shape): Promise<TokenizerFacts> {
  try {
    const embedded = await embeddedTokenizer(checkpoint, shape);
    if (embedded) return { source: "in the file", kind: embedded.kind, ids: embedded.vocabSize };
    const source = await vocabSource(path, shape);
    if (source === "world" || source === "pile") return { source };
    const { kind, vocabSize: ids } = await loadFitting(source, shape);
    return { source, kind, ids };
  } catch (error) {
    return { error: reason(error).message };
  }
}

/** What a WkvError says; any other error goes on. */
function reason(error: unknown): { code: WkvErrorCode; message: string } {
  if (!(error instanceof WkvError)) throw error;
  return { code: error.code, message: error.message };
}

async function describeTensors(tensors: readonly Tensor[], { stats, onProgress }: InspectOptions) {
  const total = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  let loaded = 0;
  const facts: TensorFacts[] = [];
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    facts.push(stats ? { name, dtype, shape, stats: await tensorStats(tensor) } : { name, dtype, shape });
    loaded += tensorBytes(tensor);
    if (stats) onProgress?.({ loaded, total });
  }
  return facts;
}

function tensorBytes({ dtype, shape }: Tensor): number {
  return byteLength(dtype, count(shape));
}
