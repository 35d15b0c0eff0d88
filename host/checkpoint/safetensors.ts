import { WkvError } from "../errors.ts";
import { readBytes, type Source } from "../source/source.ts";
import type { Checkpoint, Tensor } from "./checkpoint.ts";
import { damaged, quoted } from "./damage.ts";
import { byteLength, type Dtype } from "./dtypes.ts";
import { parseJsonObject } from "./json.ts";
import { isPacked, openPacked, readVocabulary } from "./packed-reader.ts";
import { addTensor, extentOf, storedTensor, valueCount } from "./stored.ts";

/** Bytes of the header length that starts the file. */
const PREFIX_BYTES = 8;

/** Headers take some 100 bytes a tensor; this is room for 80,000. */
const MAX_HEADER_BYTES = 8 * 2 ** 20;
const MAX_AXES = 8;

/** Types of masks and counters, which hold no weights. */
const SKIPPED = new Set(["BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64"]);

const DTYPES: ReadonlySet<string> = new Set<Dtype>(["F32", "F16", "BF16"]);

/** One tensor of the header. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes from the first byte after the header. */
  readonly begin: number;
  readonly end: number;
}

/**
 * A `.safetensors` file: header length as uint64, JSON header, values, aligned to nothing. As the format demands, the
 * tensors must fill the file without overlap or gap, in any order; this finds files that are cut off and names that are
 * given twice. Integer and boolean tensors are skipped, float64 and float8 refused.
 * @throws WkvError `bad-file` for a damaged or hostile file, `unsupported-model` for types that cannot be read
 */
export async function openSafetensors(source: Source): Promise<Checkpoint> {
  const header = await readHeader(source);
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
    throw new WkvError("unsupported-model", `${source.name}: no weights in this file: give one with a model in it.`);
  return { format: "safetensors", tensors, skipped, ...readVocabulary(source, header) };
}

export interface SafetensorsHeader {
  readonly entries: readonly SafetensorsEntry[];
  /** First byte after the header. */
  readonly dataStart: number;
  /** `__metadata__`: what the writer says of the file. */
  readonly metadata: ReadonlyMap<string, string>;
}

async function readHeader(source: Source): Promise<SafetensorsHeader> {
  const prefix = new DataView((await readBytes(source, 0, PREFIX_BYTES)).buffer);
  const length = Number(prefix.getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES)
    throw damaged(
      source.name,
      `its header claims ${length} bytes, more than the ${MAX_HEADER_BYTES} of any model: fetch it again.`,
    );
  const header = parseJson(await readBytes(source, PREFIX_BYTES, length), source.name);
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => parseEntry(name, value, source.name));
  return { entries, dataStart: PREFIX_BYTES + length, metadata: parseMetadata(header) };
}

function parseMetadata(header: object): Map<string, string> {
  const { __metadata__: metadata } = header as { __metadata__?: unknown };
  const entries = Object.entries(metadata ?? {});
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function parseJson(bytes: Uint8Array, file: string): object {
  const header = parseJsonObject(bytes);
  if (header) return header;
  throw damaged(file, "its header is not a JSON object: the file is damaged; fetch it again.");
}

function parseEntry(name: string, value: unknown, file: string): SafetensorsEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== "string" || !isCounts(shape) || !isCounts(offsets) || offsets.length !== 2)
    throw damaged(
      file,
      `the header's entry for tensor ${quoted(name)} has no sound dtype, shape and data_offsets: fetch it again.`,
    );
  return { name, dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

function isCounts(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_AXES &&
    value.every((count) => Number.isSafeInteger(count) && count >= 0)
  );
}

/** Each tensor must begin where the one before it ends, and the last one end with the file. */
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
      `the tensors end at byte ${dataStart + at}, the file at byte ${source.size}: it is cut off or damaged; fetch it again.`,
    );
}

function toTensor(source: Source, { name, dtype, shape, begin, end }: SafetensorsEntry, dataStart: number): Tensor {
  if (!isDtype(dtype))
    throw new WkvError(
      "unsupported-model",
      `${source.name}: tensor ${quoted(name)} is ${quoted(dtype)}, and wkv reads F32, F16 and BF16: convert the model to one of them.`,
    );
  const size = byteLength(dtype, valueCount(shape));
  if (size !== end - begin)
    throw damaged(
      source.name,
      `tensor ${quoted(name)} of ${dtype} and shape [${shape}] takes ${size} bytes, but its data_offsets hold ${end - begin}: ` +
        "convert the model again.",
    );
  return storedTensor(name, dtype, shape, extentOf(source, dataStart + begin, size));
}

function isDtype(dtype: string): dtype is Dtype {
  return DTYPES.has(dtype);
}
