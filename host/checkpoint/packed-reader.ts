// Files of `wkv convert`: safetensors whose metadata describes the packing.
//
//   wkv.layout           PACKED_LAYOUT of abi.ts; only where the weights are packed
//   wkv.layout           PACKED_LAYOUT of abi.ts; only if the weights are packed
//   wkv.group_norm_eps   as a number
//   wkv.tensors          JSON: published name to [dtype, shape] before packing
//   wkv.tokenizer        kind of the vocabulary, whose file is the tensor `wkv.vocabulary`; "bytes" has none
//
// The packed weights are the file's first tensors, in the order and at the relative offsets they have in memory. A
// tuned state follows them, as published.
import { PACKED_LAYOUT } from "../../assembly/abi.ts";
import { WkvError } from "../errors.ts";
import { readBytes, type Source } from "../source/source.ts";
import { type Checkpoint, isTunedState, type PackedWeights, type Tensor } from "./checkpoint.ts";
import { damaged, quoted } from "./damage.ts";
import { BLOCK, byteLength, type Dtype } from "./dtypes.ts";
import type { SafetensorsEntry, SafetensorsHeader } from "./safetensors-header.ts";
import { addTensor, extentOf, storedTensor, valueCount } from "./stored.ts";
import { isWeightFormat } from "./weight-formats.ts";

export const VOCABULARY = "wkv.vocabulary";

/** The metadata's keys. */
export const KEY = {
  layout: "wkv.layout",
  weights: "wkv.weights",
  groupNormEps: "wkv.group_norm_eps",
  tensors: "wkv.tensors",
  tokenizer: "wkv.tokenizer",
} as const;

/** Larger than any vocabulary; the same limit as for a separate file. */
const MAX_VOCABULARY_BYTES = 64 << 20;
const MAX_AXES = 8;

/** Dtype and published shape of each tensor, as in `wkv.tensors`. */
export type PackedTensors = Record<string, readonly [Dtype, readonly number[]]>;

export function isPacked({ metadata }: SafetensorsHeader): boolean {
  return metadata.has(KEY.layout);
}

/**
 * The tensors as they were before packing, for recognition and inspection, and the range of packed bytes.
 * @throws WkvError `unsupported-model` for the layout of another version, `bad-file` for contradictory metadata
 */
export function openPacked(source: Source, header: SafetensorsHeader): Checkpoint {
  const { metadata } = header;
  const layout = metadata.get(KEY.layout);
  if (layout !== String(PACKED_LAYOUT))
    throw new WkvError(
      "unsupported-model",
      `${source.name} was packed by another version of wkv (layout ${quoted(layout ?? "")}, this one has ${PACKED_LAYOUT}): ` +
        "run wkv convert on the original model again.",
    );
  const tensors = new Map<string, Tensor>();
  for (const [name, [dtype, shape]] of parseTensors(metadata.get(KEY.tensors), source.name))
    addTensor(tensors, { name, dtype, shape, packed: true, read: () => refuseToRead(source.name, name) }, source.name);
  for (const { name, dtype, shape, begin, end } of header.entries.filter(isState)) {
    if (dtype !== "F32" || byteLength("F32", valueCount(shape)) !== end - begin)
      throw damaged(
        source.name,
        `the size of tensor ${quoted(name)} does not match its shape; convert the model again.`,
      );
    const extent = extentOf(source, header.dataStart + begin, end - begin);
    addTensor(tensors, storedTensor(name, "F32", shape, extent), source.name);
  }
  return { format: "packed", tensors, packed: packedWeights(source, header), ...readVocabulary(source, header) };
}

/** The tuned state of a model that has one: the only tensors stored as published. */
function isState({ name }: SafetensorsEntry): boolean {
  return isTunedState(name);
}

/** The vocabulary named in a file's metadata, packed or not. @throws WkvError `bad-file` */
export function readVocabulary(source: Source, header: SafetensorsHeader): Pick<Checkpoint, "vocabulary"> {
  const kind = header.metadata.get(KEY.tokenizer);
  if (kind === undefined) return {};
  if (kind === "bytes") return { vocabulary: async () => "bytes" };
  const entry = header.entries.find(({ name }) => name === VOCABULARY);
  const size = entry ? entry.end - entry.begin : 0;
  if (!entry || size > MAX_VOCABULARY_BYTES)
    throw damaged(source.name, `its vocabulary is missing or has ${size} bytes; convert the model again.`);
  return { vocabulary: () => readBytes(source, header.dataStart + entry.begin, size) };
}

function packedWeights(source: Source, { entries, dataStart, metadata }: SafetensorsHeader): PackedWeights {
  const weights = metadata.get(KEY.weights);
  const groupNormEps = Number(metadata.get(KEY.groupNormEps));
  if (!isWeightFormat(weights) || !(groupNormEps > 0))
    throw damaged(
      source.name,
      `its metadata has no valid ${KEY.weights} and ${KEY.groupNormEps}; convert the model again.`,
    );
  const packed = entries.filter((entry) => entry.name !== VOCABULARY && !isState(entry));
  return {
    weights,
    groupNormEps,
    size: packed.reduce((most, { end }) => Math.max(most, end), 0),
    ranges: new Map(packed.map(({ name, begin, end }: SafetensorsEntry) => [name, { begin, end }])),
    read: (target, from) => source.read(target, dataStart + from),
  };
}

function parseTensors(json: string | undefined, file: string): [string, readonly [Dtype, readonly number[]]][] {
  try {
    const tensors = Object.entries(JSON.parse(json ?? "") as PackedTensors);
    if (tensors.every(([, value]) => isTensor(value))) return tensors;
  } catch {
    // Not JSON: the same to the user.
  }
  throw damaged(file, `its metadata has no valid ${KEY.tensors}; convert the model again.`);
}

function isTensor([dtype, shape]: readonly [Dtype, readonly number[]]): boolean {
  const isSize = (n: number) => Number.isSafeInteger(n) && n > 0;
  return Object.hasOwn(BLOCK, dtype) && Array.isArray(shape) && shape.length <= MAX_AXES && shape.every(isSize);
}

async function refuseToRead(file: string, name: string): Promise<never> {
  throw new WkvError(
    "unsupported-model",
    `${file} is packed, so the values of ${name} cannot be shown: inspect the model that it was made from.`,
  );
}
