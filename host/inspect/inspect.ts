import { platform } from "#platform";
import { type Checkpoint, isTunedState, type Tensor } from "../checkpoint/checkpoint.ts";
import { byteLength, type Dtype } from "../checkpoint/dtypes.ts";
import { openCheckpoint, openModelFile } from "../checkpoint/open.ts";
import { DEFAULT_WEIGHTS, WEIGHT_FORMAT_NAMES, type WeightFormat } from "../checkpoint/weight-formats.ts";
import { fits, layOut, matrixFormat, type Plan } from "../engine/plan.ts";
import { WkvError, type WkvErrorCode } from "../errors.ts";
import { embeddedTokenizer, findVocabulary, loadFitting } from "../model/vocab.ts";
import type { Entry } from "../models/collector.ts";
import { isLora, type LoraFacts, loraFacts } from "../models/lora.ts";
import type { Recipe } from "../models/recipe.ts";
import { recogniseModel } from "../models/recognise.ts";
import type { Shape } from "../models/version.ts";
import { count } from "../models/weights.ts";
import { isAddress } from "../source/net/address.ts";
import type { FetchOptions } from "../source/net/fetch-model.ts";
import { remoteSource } from "../source/net/remote-source.ts";
import type { ModelSource } from "../source/open.ts";
import type { Source } from "../source/source.ts";
import { type Stats, tensorStats } from "./stats.ts";

export interface InspectOptions extends FetchOptions {
  /** Also reads all values. */
  stats?: boolean | undefined;
}

/** The contents of a model file. Values are read only for statistics. */
export interface Inspection {
  readonly file: string;
  readonly format: Checkpoint["format"];
  /** Naming scheme of its tensors: "published", "transformers", "flash-linear-attention", "web-rwkv", ... */
  readonly names?: string;
  /** The files of a split model. */
  readonly parts?: readonly { name: string; size: number }[];
  /** Size of the file, or of all parts. */
  readonly bytes: number;
  /** Number of values in all tensors. */
  readonly parameters: number;
  readonly stored: readonly { dtype: Dtype; tensors: number; bytes: number }[];
  readonly model?: ModelFacts;
  /** For each weight format; null if 32-bit memory is too small. */
  readonly memory?: Readonly<Record<WeightFormat, MemoryFacts | null>>;
  readonly tokenizer?: TokenizerFacts;
  /** Set for a LoRA, which is not a model: load it with --lora. */
  readonly lora?: LoraFacts;
  /** A file of state tuning has only this and no model (load it with --state); some models have one as well. */
  readonly tunedState?: TunedStateFacts;
  /** Why the model cannot be loaded. */
  readonly error?: { code: WkvErrorCode; message: string };
  /** Entries without weights: name to description. */
  readonly skipped: Readonly<Record<string, string>>;
  readonly tensors: readonly TensorFacts[];
}

export interface ModelFacts {
  readonly architecture: string;
  readonly version: string;
  readonly layers: number;
  readonly width: number;
  /** 0 for RWKV-4, which has no heads; likewise the head size. */
  readonly heads: number;
  readonly headSize: number;
  readonly vocabSize: number;
  readonly ffn: number;
  /** Widest low-rank hidden layers. */
  readonly ranks: Readonly<Record<string, number>>;
}

/** Bytes; `total` is for the model with one session. */
export interface MemoryFacts {
  readonly weights: number;
  readonly session: number;
  readonly total: number;
}

export interface TunedStateFacts {
  readonly layers: number;
  readonly heads: number;
  readonly headSize: number;
}

/** `error` says what to give if there is none; `kind` is absent for a vocabulary that would have to be downloaded. */
export type TokenizerFacts = { source: string; kind?: string; ids?: number } | { error: string };

export interface TensorFacts {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly stats?: Stats;
  /** Destinations when the model is loaded with int8 weights: none, one, or one per piece. */
  readonly places?: readonly TensorPlace[];
}

/** What a tensor, or a piece of it, becomes in memory. */
export interface TensorPlace {
  /** Its published name. */
  readonly name: string;
  readonly kind: Entry["kind"];
  /** Format of its values: "f32" or "int8"; for the embedding, as stored. */
  readonly format: Dtype | WeightFormat;
  /** In the module's memory; absent if the model is too large. */
  readonly address?: number;
}

/**
 * Inspects a model file. A model that wkv does not run is described as far as possible, with the reason in `error`.
 * From a remote model only the required ranges are fetched, unless the server does not support ranges.
 * @throws WkvError if the file cannot be read as a directory of tensors
 */
export async function inspectModel(source: ModelSource, options: InspectOptions = {}): Promise<Inspection> {
  const isRemote = (typeof source === "string" || source instanceof URL) && isAddress(source) && !options.stats;
  const remote = isRemote ? await remoteSource(source, options) : undefined;
  const file = remote ?? (await openModelFile(source, options));
  try {
    const checkpoint = await openCheckpoint(file);
    const tensors = [...checkpoint.tensors.values()];
    const { parts } = checkpoint;
    const { places, ...model } = await describeModel(checkpoint, file);
    return {
      file: file.name,
      format: checkpoint.format,
      ...(parts ? { parts } : {}),
      bytes: parts ? parts.reduce((sum, { size }) => sum + size, 0) : file.size,
      parameters: tensors.reduce((sum, { shape }) => sum + count(shape), 0),
      stored: storedBytes(tensors),
      ...model,
      skipped: Object.fromEntries(checkpoint.skipped ?? []),
      tensors: await describeTensors(tensors, places, options),
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

type ModelFact = "names" | "model" | "memory" | "tokenizer" | "lora" | "tunedState" | "error";
type ModelPart = Pick<Inspection, ModelFact> & { places?: Places };
/** Under the file's own tensor names. */
type Places = ReadonlyMap<string, readonly TensorPlace[]>;

async function describeModel(checkpoint: Checkpoint, file: Source): Promise<ModelPart> {
  try {
    if (isLora(checkpoint)) return { lora: loraFacts(checkpoint, file.name) };
    const tensors = [...checkpoint.tensors.values()];
    if (tensors.every(({ name }) => isTunedState(name))) return { tunedState: tunedStateFacts(tensors) };
    const recipe = recogniseModel(checkpoint, file.name);
    const plans = WEIGHT_FORMAT_NAMES.map((weights) => planOf(recipe, weights));
    return {
      names: recipe.scheme,
      model: modelFacts(recipe.shape),
      memory: memoryFacts(plans),
      tokenizer: await tokenizerFacts(checkpoint, file, recipe.shape),
      ...(recipe.tunedState ? { tunedState: tunedStateFacts(recipe.tunedState) } : {}),
      places: placesOf(
        recipe,
        plans.find(({ weights }) => weights === DEFAULT_WEIGHTS),
      ),
    };
  } catch (error) {
    return { error: reason(error) };
  }
}

function tunedStateFacts(tensors: readonly { shape: readonly number[] }[]): TunedStateFacts {
  const [heads = 0, headSize = 0] = tensors[0]?.shape ?? [];
  return { layers: tensors.length, heads, headSize };
}

/** The destinations of each tensor; block 0 of some RWKV-7 files has unused tensors. */
function placesOf(recipe: Recipe, plan: Plan | undefined): Places {
  const places = new Map<string, TensorPlace[]>();
  for (const entry of [...recipe.globals, ...recipe.layers.flat()]) {
    const { name, tensor } = entry.weight;
    const address = plan && fits(plan) ? plan.addresses.get(entry) : undefined;
    const place = { name, kind: entry.kind, format: formatOf(entry), ...(address === undefined ? {} : { address }) };
    places.set(tensor.name, [...(places.get(tensor.name) ?? []), place]);
  }
  return places;
}

function formatOf(entry: Entry): TensorPlace["format"] {
  if (entry.kind === "table") return entry.weight.tensor.dtype;
  return entry.kind === "matrix" ? matrixFormat(entry, DEFAULT_WEIGHTS) : "f32";
}

function memoryFacts(plans: readonly Plan[]): NonNullable<Inspection["memory"]> {
  const facts = ({ weightBytes, stateBytes, pages }: Plan): MemoryFacts => ({
    weights: weightBytes,
    session: stateBytes,
    total: pages * 65536,
  });
  return Object.fromEntries(plans.map((plan) => [plan.weights, fits(plan) ? facts(plan) : null])) as Record<
    WeightFormat,
    MemoryFacts | null
  >;
}

/** The memory's layout; the epsilon does not change it. */
function planOf(recipe: Recipe, weights: WeightFormat): Plan {
  return layOut(recipe, { threads: platform.defaultThreads, weights, groupNormEps: 1 });
}

function modelFacts(shape: Shape): ModelFacts {
  const { version, release, layers, width, vocabSize, ffn, ranks } = shape;
  const headSize = version.hasHeads ? shape.headSize : 0;
  return {
    architecture: version.name,
    version: release,
    layers,
    width,
    heads: headSize && width / headSize,
    headSize,
    vocabSize,
    ffn,
    ranks: Object.fromEntries(version.ranks.map(({ name }, i) => [name, ranks[i] as number])),
  };
}

/** Downloads nothing except small files next to a remote model. */
async function tokenizerFacts(checkpoint: Checkpoint, file: Source, shape: Shape): Promise<TokenizerFacts> {
  try {
    const embedded = await embeddedTokenizer(checkpoint, shape);
    if (embedded) return { source: "in the file", kind: embedded.kind, ids: embedded.vocabSize };
    const found = await findVocabulary(file, shape);
    const source = typeof found === "string" ? found : found.name;
    if (found === "world" || found === "pile") return { source };
    const { kind, vocabSize: ids } = await loadFitting(found, shape);
    return { source, kind, ids };
  } catch (error) {
    return { error: reason(error).message };
  }
}

/** A WkvError's message; other errors are rethrown. */
function reason(error: unknown): { code: WkvErrorCode; message: string } {
  if (!(error instanceof WkvError)) throw error;
  return { code: error.code, message: error.message };
}

async function describeTensors(
  tensors: readonly Tensor[],
  places: Places | undefined,
  { stats, onProgress }: InspectOptions,
) {
  const total = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  let loaded = 0;
  const facts: TensorFacts[] = [];
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    facts.push({
      name,
      dtype,
      shape,
      ...(stats ? { stats: await tensorStats(tensor) } : {}),
      ...(places ? { places: places.get(name) ?? [] } : {}),
    });
    loaded += tensorBytes(tensor);
    if (stats) onProgress?.({ loaded, total });
  }
  return facts;
}

function tensorBytes({ dtype, shape }: Tensor): number {
  return byteLength(dtype, count(shape));
}
