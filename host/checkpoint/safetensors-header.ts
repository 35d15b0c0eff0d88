import { readBytes, type Source } from "../source/source.ts";
import { damaged, quoted } from "./damage.ts";
import { parseJsonObject } from "./json.ts";

/** Size of the header length at the start of the file, in bytes. */
const PREFIX_BYTES = 8;

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
const MAX_AXES = 8;

/** One tensor of the header. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Byte offsets from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly entries: readonly SafetensorsEntry[];
  /** First byte after the header. */
  readonly dataStart: number;
  /** `__metadata__`: free-form strings from the writer. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** The directory of a safetensors file. @throws WkvError `bad-file` */
export async function readSafetensorsHeader(source: Source): Promise<SafetensorsHeader> {
  const prefix = new DataView((await readBytes(source, 0, PREFIX_BYTES)).buffer);
  const length = Number(prefix.getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES)
    throw damaged(
      source.name,
      `its header claims ${length} bytes; no model needs more than ${MAX_HEADER_BYTES}: fetch it again.`,
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
      `the header's entry for tensor ${quoted(name)} has no valid dtype, shape and data_offsets: fetch it again.`,
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
