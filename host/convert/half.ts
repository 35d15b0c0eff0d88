// A model as a plain safetensors file: published names and shapes, matrices as f16, vectors as f32.
import { byteLength } from "../checkpoint/dtypes.ts";
import { valueCount } from "../checkpoint/stored.ts";
import { WkvError } from "../errors.ts";
import type { CarriedVocabulary } from "../model/vocab.ts";
import type { Recipe } from "../models/recipe.ts";
import type { LoadControl } from "../source/progress.ts";
import { type OutTensor, safetensorsHeader, stateTensors, vocabularyParts } from "./packed-writer.ts";
import { type PublishedTensor, publishedTensors, publishedValues } from "./published-values.ts";

type HalfTensor = PublishedTensor & OutTensor;

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
      for await (const values of publishedValues(weight)) {
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
  return publishedTensors(recipe, file).map((tensor) => {
    const dtype = tensor.entry.kind === "vector" ? "F32" : "F16";
    return { ...tensor, dtype, bytes: byteLength(dtype, valueCount(tensor.shape)) };
  });
}

/** Rounds to nearest, ties to even. @throws WkvError `unsupported-model` if a value exceeds the range of f16 */
export function toF16(values: Float32Array, name: string, file: string): Uint16Array<ArrayBuffer> {
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
export function halfBits(bits: number): number {
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
