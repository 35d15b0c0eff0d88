// A model as a plain safetensors file: published names and shapes, matrices as f16, vectors as f32.
import { byteLength } from "../checkpoint/dtypes.ts";
import { valueCount } from "../checkpoint/stored.ts";
import { WkvError } from "../errors.ts";
import type { CarriedVocabulary } from "../model/vocab.ts";
import type { Recipe } from "../models/recipe.ts";
import { storedValues, weightValues } from "../models/values.ts";
import type { Weight } from "../models/weights.ts";
import type { LoadControl } from "../source/progress.ts";
import { type OutTensor, safetensorsHeader, stateTensors, vocabularyParts } from "./packed-writer.ts";

/** Values decoded at a time; whole blocks of every format. */
const SLICE_VALUES = 1 << 20;

/** A tensor to write: a weight, or all views of one along its first axis. */
interface HalfTensor extends OutTensor {
  readonly views: readonly Weight[];
}

/** @throws WkvError `unsupported-model` if the file stores transformed values */
export function halfHeader(recipe: Recipe, vocabulary: CarriedVocabulary | undefined, file: string) {
  const tensors = halfTensors(recipe, file);
  const parts = vocabularyParts(vocabulary);
  return {
    bytes: safetensorsHeader([...tensors, ...stateTensors(recipe), ...parts.tensors], {
      format: "pt",
      ...parts.metadata,
    }),
    weightBytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** The values, in the header's order. */
export async function* halfChunks(recipe: Recipe, file: string, { onProgress, signal }: LoadControl) {
  const tensors = halfTensors(recipe, file);
  const total = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
  let loaded = 0;
  for (const { views, dtype } of tensors) {
    for (const weight of views) {
      for await (const values of published(weight)) {
        signal?.throwIfAborted();
        const chunk = dtype === "F16" ? toF16(values, weight.name, file) : values;
        yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        loaded += chunk.byteLength;
        onProgress?.({ loaded, total });
      }
    }
  }
  signal?.throwIfAborted();
}

function halfTensors(recipe: Recipe, file: string): HalfTensor[] {
  const tensors = new Map<string, HalfTensor>();
  for (const { kind, weight } of [...recipe.globals, ...recipe.layers.flat()]) {
    if (weight.updates)
      throw new WkvError("unsupported-model", "LoRAs are merged into packed weights only: convert to int8 or f32.");
    if (weight.transformed)
      throw new WkvError(
        "unsupported-model",
        `${file} stores a function of ${weight.name}, which cannot be inverted exactly: convert the .pth, or pack it.`,
      );
    const [, parent = weight.name] = /^(.*)\[\d+\]$/.exec(weight.name) ?? [];
    const views = [...(tensors.get(parent)?.views ?? []), weight];
    const shape = parent === weight.name ? weight.shape : [views.length, ...weight.shape];
    const dtype = kind === "vector" ? "F32" : "F16";
    const bytes = byteLength(dtype, valueCount(shape));
    tensors.set(parent, { name: parent, dtype, shape, bytes, views });
  }
  return [...tensors.values()];
}

/** The values in published order: slice by slice, or all at once if the file has the axes swapped. */
async function* published(weight: Weight) {
  const count = valueCount(weight.shape);
  if (weight.transposed) {
    yield await weightValues(weight);
    return;
  }
  for (let first = 0; first < count; first += SLICE_VALUES)
    yield await storedValues(weight, first, Math.min(SLICE_VALUES, count - first));
}

/** Rounds to nearest, ties to even. @throws WkvError `unsupported-model` if a value exceeds the range of f16 */
function toF16(values: Float32Array, name: string, file: string): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Math.abs(value) >= 65520 && value !== Infinity && value !== -Infinity)
      throw new WkvError(
        "unsupported-model",
        `${file}: ${name} has the value ${value}, beyond the f16 limit of 65504: convert to int8 or f32.`,
      );
    out[i] = halfBits(bits[i] as number);
  }
  return out;
}

/** The f16 of an f32, both as bits. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x47800000) return sign | 0x7c00; // infinite
  if (magnitude < 0x38800000) return sign | subnormal(magnitude);
  const shifted = magnitude - 0x38000000;
  return sign | ((shifted + 0xfff + ((shifted >>> 13) & 1)) >>> 13);
}

/** Below 2^-14 the spacing is 2^-24: adding 2^-1 to the f32 rounds it to exactly that. */
function subnormal(magnitude: number): number {
  WORD[0] = magnitude;
  VALUE[0] = (VALUE[0] as number) + 0.5;
  return (WORD[0] as number) - 0x3f000000;
}

const VALUE = new Float32Array(1);
const WORD = new Uint32Array(VALUE.buffer);
