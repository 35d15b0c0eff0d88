// A model as a GGUF file, which llama.cpp and what is built on it read too.
import { byteLength } from "../checkpoint/dtypes.ts";
import { type GgufEntry, ggufHeader } from "../checkpoint/gguf-writer.ts";
import { isWeightFormat, type WeightFormat, weightFormat } from "../checkpoint/weight-formats.ts";
import { matrixFormat } from "../engine/plan.ts";
import type { OpenModel } from "../model/open.ts";
import { templateOf } from "../model/template.ts";
import type { CarriedVocabulary } from "../model/vocab.ts";
import type { MatrixEntry } from "../models/collector.ts";
import type { Recipe } from "../models/recipe.ts";
import { swapLastAxes } from "../models/values.ts";
import type { Weight } from "../models/weights.ts";
import type { LoadControl } from "../source/progress.ts";
import { checkForLlamaCpp, ggufMetadata } from "./gguf-metadata.ts";
import { type GgufTensor, ggufTensors } from "./gguf-tensors.ts";
import { toF16 } from "./half.ts";
import { int4Blocks, int8Blocks, q8Blocks } from "./packed-blocks.ts";
import { type PackedModel, packModel, shares } from "./packed-model.ts";
import { allValues, publishedValues } from "./published-values.ts";

/** Where a tensor begins is a multiple of it. */
const ALIGNMENT = 32;
/** Bytes of packed units that are turned into blocks at a time. */
const CHUNK = 4 << 20;

export interface GgufJob {
  readonly model: OpenModel;
  readonly vocabulary: CarriedVocabulary | undefined;
  readonly weights: WeightFormat | "f16";
  readonly groupNormEps?: number | undefined;
  readonly threads: number;
  readonly tokens?: readonly number[] | undefined;
}

/** A file that is known before a byte of it is there. */
export interface GgufFile {
  readonly size: number;
  chunks(control: LoadControl): AsyncIterable<Uint8Array>;
}

/** @throws WkvError `unsupported-model` or `bad-vocab` for what cannot be a GGUF */
export async function ggufFile(job: GgufJob): Promise<GgufFile> {
  const { model, weights, vocabulary } = job;
  const { recipe, file } = model;
  checkForLlamaCpp(recipe, file.name, job.groupNormEps);
  const tensors = ggufTensors(recipe, weights, file.name);
  const name = (file.name.split(/[\\/]/).at(-1) ?? "").replace(/\.[a-z]+$/i, "");
  const template = await templateOf(model);
  const facts = { recipe, name, weights, tokenizer: vocabulary?.tokenizer, template };
  const header = headerOf(tensors, ggufMetadata(facts));
  const size = tensors.reduce((sum, { bytes }) => sum + aligned(bytes), header.length);
  return { size, chunks: (control) => fileChunks(job, header, tensors, control) };
}

/** Bytes of all tensors, in a model's GGUF. */
export function ggufSize(recipe: Recipe, weights: WeightFormat | "f16"): number {
  return ggufTensors(recipe, weights, "").reduce((sum, { bytes }) => sum + aligned(bytes), 0);
}

function headerOf(tensors: readonly GgufTensor[], metadata: readonly GgufEntry[]): Uint8Array {
  let offset = 0;
  const placed = tensors.map((tensor) => {
    const at = offset;
    offset += aligned(tensor.bytes);
    return { ...tensor, offset: at };
  });
  return padded(ggufHeader(placed, metadata));
}

/** Quantised matrices come out of the engine, which rounds them as if it loaded the model. */
async function* fileChunks(job: GgufJob, header: Uint8Array, tensors: readonly GgufTensor[], control: LoadControl) {
  const { model, weights } = job;
  const isPacked = isWeightFormat(weights) && weights !== "f32";
  const [load, write] = shares(control, [isPacked ? 1 : 0, 1]) as [LoadControl, LoadControl];
  const packed = isPacked ? await packModel(model, { ...job, weights }, load) : undefined;
  try {
    yield header;
    const total = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
    let loaded = 0;
    for (const tensor of tensors) {
      for await (const chunk of tensorChunks(tensor, packed, model.file.name)) {
        control.signal?.throwIfAborted();
        yield chunk;
        loaded += chunk.length;
        write.onProgress?.({ loaded, total });
      }
      yield new Uint8Array(aligned(tensor.bytes) - tensor.bytes);
    }
  } finally {
    await packed?.engine.dispose();
  }
}

async function* tensorChunks(
  tensor: GgufTensor,
  packed: PackedModel | undefined,
  file: string,
): AsyncGenerator<Uint8Array> {
  const { entry } = tensor.parts[0] as GgufTensor["parts"][0];
  const isQuantised = tensor.dtype.startsWith("Q");
  if (isQuantised && entry.kind === "matrix" && packed) yield* matrixChunks(entry, packed);
  else if (isQuantised && entry.weight.tensor.dtype === tensor.dtype) yield* storedChunks(entry.weight, tensor.bytes);
  else for await (const values of valuesOf(tensor)) yield encoded(values, tensor, file);
}

async function* valuesOf({ parts, swapped }: GgufTensor): AsyncGenerator<Float32Array> {
  for (const { views } of parts)
    for (const view of views)
      if (swapped) yield swapLastAxes(await allValues(view), view.shape.toReversed());
      else yield* publishedValues(view);
}

function encoded(values: Float32Array, { dtype, name }: GgufTensor, file: string): Uint8Array {
  if (dtype === "Q8_0") return q8Blocks(values);
  const numbers = dtype === "F16" ? toF16(values, name, file) : values;
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

async function* storedChunks({ tensor, offset }: Weight, bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; at += CHUNK) {
    const chunk = new Uint8Array(Math.min(CHUNK, bytes - at));
    await tensor.read(chunk, byteLength(tensor.dtype, offset) + at);
    yield chunk;
  }
}

/** Whole units of rows at a time. */
async function* matrixChunks(entry: MatrixEntry, { engine, plan }: PackedModel): AsyncGenerator<Uint8Array> {
  const name = matrixFormat(entry, plan.weights);
  const format = weightFormat(name);
  const unitBytes = format.bytes(32, entry.cols);
  const units = Math.max(1, Math.floor(CHUNK / unitBytes));
  const blocks = name === "int4" ? int4Blocks : int8Blocks;
  for (let first = 0; first < entry.rows; first += 32 * units) {
    const rows = Math.min(32 * units, entry.rows - first);
    const from = (plan.addresses.get(entry) ?? 0) + format.bytes(first, entry.cols);
    const bytes = await engine.memory.read(from, format.bytes(rows, entry.cols) / 4);
    yield blocks(new Uint8Array(bytes.buffer), entry.cols, rows);
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function padded(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(aligned(bytes.length));
  out.set(bytes);
  return out;
}
