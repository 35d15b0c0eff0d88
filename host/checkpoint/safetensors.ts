import { WkvError } from "../errors.ts";
import type { Source } from "../source/source.ts";
import type { Checkpoint, Tensor } from "./checkpoint.ts";
import { damaged, quoted } from "./damage.ts";
import { byteLength, type Dtype } from "./dtypes.ts";
import { isPacked, openPacked, readVocabulary } from "./packed-reader.ts";
import { readSafetensorsHeader, type SafetensorsEntry } from "./safetensors-header.ts";
import { addTensor, extentOf, storedTensor, valueCount } from "./stored.ts";

/** Types of masks and counters, which are not weights. */
const SKIPPED = new Set(["BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64"]);

const DTYPES: ReadonlySet<string> = new Set<Dtype>(["F32", "F16", "BF16"]);

/**
 * A `.safetensors` file: header length as uint64, JSON header, unaligned values. As the format requires, the tensors
 * must fill the file without overlaps or gaps, in any order; this detects truncated files and duplicate names. Integer
 * and boolean tensors are skipped, float64 and float8 refused.
 * @throws WkvError `bad-file` for a damaged or hostile file, `unsupported-model` for unsupported types
 */
export async function openSafetensors(source: Source): Promise<Checkpoint> {
  const header = await readSafetensorsHeader(source);
  const { entries, dataStart } = header;
  checkCoverage(source, entries, dataStart);
  if (isPacked(header)) return openPacked(source, header);
  const tensors = new Map<string, Tensor>();
  const skipped = new Map<string, string>();
  for (const entry of entries) {
    if (SKIPPED.has(entry.dtype)) skipped.set(entry.name, `a tensor of ${entry.dtype}`);
    else addTensor(tensors, toTensor(source, entry, dataStart), source.name);
  }
  if (tensors.size === 0)
    throw new WkvError("unsupported-model", `${source.name}: this file has no weights: give one with a model.`);
  return { format: "safetensors", tensors, skipped, ...readVocabulary(source, header) };
}

/** Each tensor must begin where the previous one ends, and the last must end with the file. */
function checkCoverage(source: Source, entries: readonly SafetensorsEntry[], dataStart: number): void {
  let at = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at || end < begin)
      throw damaged(
        source.name,
        `tensor ${quoted(name)} has data_offsets ${begin} to ${end}, but the next free byte is ${at}: ` +
          "tensors overlap, leave a gap or share a name; convert the model again.",
      );
    at = end;
  }
  if (dataStart + at !== source.size)
    throw damaged(
      source.name,
      `the tensors end at byte ${dataStart + at}, the file at byte ${source.size}: it is truncated or damaged; fetch it again.`,
    );
}

function toTensor(source: Source, { name, dtype, shape, begin, end }: SafetensorsEntry, dataStart: number): Tensor {
  if (!isDtype(dtype))
    throw new WkvError(
      "unsupported-model",
      `${source.name}: tensor ${quoted(name)} is ${quoted(dtype)}; wkv reads F32, F16 and BF16: convert the model to one of them.`,
    );
  const size = byteLength(dtype, valueCount(shape));
  if (size !== end - begin)
    throw damaged(
      source.name,
      `tensor ${quoted(name)} of ${dtype} and shape [${shape}] takes ${size} bytes, but its data_offsets span ${end - begin}: ` +
        "convert the model again.",
    );
  return storedTensor(name, dtype, shape, extentOf(source, dataStart + begin, size));
}

function isDtype(dtype: string): dtype is Dtype {
  return DTYPES.has(dtype);
}
