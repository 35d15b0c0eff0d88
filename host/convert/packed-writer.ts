// Writes the files that checkpoint/packed-reader.ts reads.
import { LINE, PACKED_LAYOUT } from "../../assembly/abi.ts";
import { byteLength, type Dtype } from "../checkpoint/dtypes.ts";
import { KEY, type PackedTensors, VOCABULARY } from "../checkpoint/packed-reader.ts";
import { weightFormat } from "../checkpoint/weight-formats.ts";
import { matrixFormat, type Plan } from "../engine/plan.ts";
import type { CarriedVocabulary } from "../model/vocab.ts";
import type { Entry } from "../models/collector.ts";
import type { Recipe } from "../models/recipe.ts";
import { weightValues } from "../models/values.ts";
import { count } from "../models/weights.ts";

/** A tensor of a safetensors file to be written; tensors are stored in list order. */
export interface OutTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** Length and JSON of a safetensors header, padded so that the first tensor begins on a cache line. */
export function safetensorsHeader(tensors: readonly OutTensor[], metadata: Record<string, string>): Uint8Array {
  let at = 0;
  const header: Record<string, unknown> = { __metadata__: metadata };
  for (const { name, dtype, shape, bytes } of tensors)
    header[name] = { dtype, shape, data_offsets: [at, (at += bytes)] };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil((8 + json.length) / LINE) * LINE;
  const out = new Uint8Array(length).fill(0x20, 8);
  new DataView(out.buffer).setBigUint64(0, BigInt(length - 8), true);
  out.set(json, 8);
  return out;
}

/** The header entries for the vocabulary. */
export function vocabularyParts(vocabulary: CarriedVocabulary | undefined): {
  tensors: OutTensor[];
  metadata: Record<string, string>;
} {
  if (!vocabulary) return { tensors: [], metadata: {} };
  const bytes = vocabulary.contents.length;
  const tensor = { name: VOCABULARY, dtype: "U8", shape: [bytes], bytes };
  return { tensors: bytes ? [tensor] : [], metadata: { [KEY.tokenizer]: vocabulary.kind } };
}

/** The initial state of a tuned model: plain tensors after the weights. */
export function stateTensors({ tunedState = [] }: Recipe): OutTensor[] {
  return tunedState.map(({ name, shape }) => ({ name, dtype: "F32", shape, bytes: byteLength("F32", count(shape)) }));
}

/** The values of those tensors, in published order. */
export async function* stateChunks({ tunedState = [] }: Recipe): AsyncGenerator<Uint8Array> {
  for (const weight of tunedState) {
    const values = await weightValues(weight);
    yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }
}

/** The header of a packed file; the weights follow it, then a tuned state, then the vocabulary. */
export function packedHeader(recipe: Recipe, plan: Plan, vocabulary: CarriedVocabulary | undefined): Uint8Array {
  const parts = vocabularyParts(vocabulary);
  return safetensorsHeader([...runTensors(recipe, plan), ...stateTensors(recipe), ...parts.tensors], {
    [KEY.layout]: String(PACKED_LAYOUT),
    [KEY.weights]: plan.weights,
    [KEY.groupNormEps]: String(plan.groupNormEps),
    [KEY.tensors]: JSON.stringify(publishedTensors(recipe, plan)),
    ...parts.metadata,
  });
}

/**
 * The weights as tensors without gaps: each from its address to the next one's. What other programs can read has its
 * true type and shape, the rest is bytes.
 */
function runTensors(recipe: Recipe, { addresses, firstWeight, weightBytes }: Plan): OutTensor[] {
  const entries = [...recipe.globals, ...recipe.layers.flat()];
  const begins = entries.map((entry) => (addresses.get(entry) ?? 0) - firstWeight);
  return entries.map((entry, i) => {
    const bytes = (begins[i + 1] ?? weightBytes) - (begins[i] ?? 0);
    const { dtype, shape } = plainType(entry);
    const isPlain =
      /^B?F\d+$/.test(dtype) &&
      byteLength(
        dtype,
        shape.reduce((a, b) => a * b),
      ) === bytes;
    return { name: entry.weight.name, bytes, ...(isPlain ? { dtype, shape } : { dtype: "U8", shape: [bytes] }) };
  });
}

/** For a matrix, whose rows are interleaved, only the size. */
function plainType(entry: Entry): { dtype: Dtype; shape: number[] } {
  if (entry.kind === "vector") return { dtype: "F32", shape: [entry.length] };
  if (entry.kind === "table") return { dtype: entry.weight.tensor.dtype, shape: [entry.rows, entry.cols] };
  return { dtype: "Q8_0", shape: [0] };
}

/**
 * Every tensor under its published name and with its published shape; five of RWKV-6's matrices are views of one
 * tensor. int8 is listed as Q8_0, which differs only in the order and the precision of the scales.
 */
function publishedTensors(recipe: Recipe, plan: Plan): PackedTensors {
  const tensors: Record<string, [Dtype, number[]]> = {};
  for (const entry of [...recipe.globals, ...recipe.layers.flat()]) {
    const { name, shape } = entry.weight;
    const view = /^(.*)\[(\d+)\]$/.exec(name);
    const whole = view ? [Number(view[2]) + 1, ...shape] : [...shape];
    tensors[view?.[1] ?? name] = [memoryType(entry, plan), whole];
  }
  return tensors;
}

function memoryType(entry: Entry, { weights }: Plan): Dtype {
  if (entry.kind === "table") return entry.weight.tensor.dtype;
  return entry.kind === "matrix" ? weightFormat(matrixFormat(entry, weights)).dtype : "F32";
}
