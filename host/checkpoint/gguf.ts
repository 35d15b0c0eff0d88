import { WkvError } from "../errors.ts";
import type { Source } from "../source/source.ts";
import type { Checkpoint, Tensor } from "./checkpoint.ts";
import { damaged, quoted } from "./damage.ts";
import { BLOCK, byteLength, type Dtype } from "./dtypes.ts";
import { dtypeOf } from "./ggml-types.ts";
import type { GgufTensor } from "./gguf-header.ts";
import { checkSplitCount, type GgufPart, openGgufParts } from "./gguf-split.ts";
import type { Metadata } from "./metadata.ts";
import { addTensor, extentOf, storedTensor, valueCount } from "./stored.ts";

/** Supported values of `general.architecture`. */
const ARCHITECTURES = ["rwkv6", "rwkv7"];
const HYBRIDS = new Set(["rwkv6qwen2", "arwkv7"]);

/** Alignment of tensors unless `general.alignment` says otherwise. */
const DEFAULT_ALIGNMENT = 32;

/**
 * A `.gguf` file of llama.cpp, version 2 or 3: a header with key-value pairs and the tensor directory, then the aligned
 * values. Names, shapes and values are kept as stored; the key-value pairs become `metadata`. For a split model any
 * part will do: the others are opened next to it.
 * @throws WkvError `bad-file` for a damaged or hostile file, `unsupported-model` for models other than RWKV-6 and 7 and
 *   for unsupported quantisations
 */
export async function openGguf(source: Source): Promise<Checkpoint> {
  const parts = await openGgufParts(source);
  const { metadata } = parts[0]!.header;
  checkModel(metadata, source.name);
  const tensors = new Map<string, Tensor>();
  for (const part of parts) addTensors(tensors, part);
  if (parts.length === 1) return { format: "gguf", tensors, metadata };
  checkSplitCount(metadata, tensors.size, source.name);
  const named = parts.map(({ source: { size }, name }) => ({ name, size }));
  return { format: "gguf", tensors, metadata, parts: named };
}

function checkModel(metadata: Metadata, file: string): void {
  const architecture = metadata.get("general.architecture");
  if (typeof architecture !== "string")
    throw damaged(file, "general.architecture is missing: convert the model again with a current llama.cpp.");
  if (ARCHITECTURES.includes(architecture)) return;
  const hybrid = HYBRIDS.has(architecture) ? ", a Transformer whose attention was replaced by RWKV," : "";
  throw new WkvError(
    "unsupported-model",
    `${file} is a GGUF file of architecture ${quoted(architecture)}${hybrid}; of GGUF files wkv runs ` +
      `${ARCHITECTURES.join(" and ")}.`,
  );
}

function addTensors(tensors: Map<string, Tensor>, { source, header }: GgufPart): void {
  const alignment = alignmentOf(header.metadata, source.name);
  const dataStart = Math.ceil(header.length / alignment) * alignment;
  for (const found of header.tensors) addTensor(tensors, toTensor(source, found, dataStart), source.name);
  checkPlaces(header.tensors, tensors, alignment, source.name);
}

function alignmentOf(metadata: Metadata, file: string): number {
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  if (typeof alignment === "number" && Number.isInteger(Math.log2(alignment)) && alignment >= 1) return alignment;
  throw damaged(file, `general.alignment is ${alignment}, not a power of two: convert the model again.`);
}

function toTensor(source: Source, { name, type, shape, offset }: GgufTensor, dataStart: number): Tensor {
  const dtype = dtypeOf(type, name, source.name);
  if (shape.some((size) => size < 1) || (shape.at(-1) ?? 1) % BLOCK[dtype].values !== 0)
    throw damaged(
      source.name,
      `tensor ${quoted(name)} of ${dtype} has the impossible shape [${shape}]: fetch or convert the model again.`,
    );
  const extent = extentOf(source, dataStart + offset, bytesOf(dtype, shape));
  return storedTensor(name, dtype, shape, extent);
}

/** Rejects overlapping tensors, which would give nonsense. */
function checkPlaces(
  found: readonly GgufTensor[],
  tensors: ReadonlyMap<string, Tensor>,
  alignment: number,
  file: string,
): void {
  let end = 0;
  for (const { name, offset } of found.toSorted((a, b) => a.offset - b.offset)) {
    const { dtype, shape } = tensors.get(name)!;
    if (offset < end || offset % alignment !== 0)
      throw damaged(
        file,
        `tensor ${quoted(name)} starts at offset ${offset}, inside another one or not aligned to ${alignment}: ` +
          "fetch or convert the model again.",
      );
    end = offset + bytesOf(dtype, shape);
  }
}

function bytesOf(dtype: Dtype, shape: readonly number[]): number {
  return byteLength(dtype, valueCount(shape));
}
