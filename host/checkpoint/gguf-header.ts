import { readBytes, type Source } from "../source/source.ts";
import { damaged, quoted } from "./damage.ts";
import { GgufCursor, HeaderTooShort } from "./gguf-cursor.ts";
import type { Metadata, MetadataValue } from "./metadata.ts";
import { MAX_TENSORS } from "./stored.ts";

/** The first four bytes as characters. */
export const GGUF_MAGIC = "GGUF";

/** Version 1 had 32-bit counts. Version 3 is version 2 plus big-endian files. */
const VERSIONS = [2, 3];

/** The first read: enough for everything except the vocabulary. Each further read is four times as large. */
const FIRST_BYTES = 2 ** 18;
const GROWTH = 4;
/** Vocabularies of 250,000 tokens with merges and scores take 20 MB. */
const MAX_HEADER_BYTES = 2 ** 25;

const MAX_ENTRIES = 10_000;
const MAX_KEY_BYTES = 2 ** 16;
const MAX_NAME_BYTES = 128;
const MAX_AXES = 4;

/** A tensor as described by the header. */
export interface GgufTensor {
  readonly name: string;
  /** ggml's type number. */
  readonly type: number;
  /** Outermost axis first, the reverse of the file's order. */
  readonly shape: readonly number[];
  /** Counted from the first byte after the header and its padding. */
  readonly offset: number;
}

export interface GgufHeader {
  readonly metadata: Metadata;
  readonly tensors: readonly GgufTensor[];
  /** Bytes of the header without padding. */
  readonly length: number;
}

/**
 * The header of a GGUF file: magic number, version, counts, key-value pairs, tensors. It does not state its length, so
 * a prefix of the file is parsed, and a larger one if that was too short.
 * @throws WkvError `bad-file`
 */
export async function readGgufHeader(source: Source): Promise<GgufHeader> {
  for (let length = FIRST_BYTES; ; length *= GROWTH) {
    const bytes = await readBytes(source, 0, Math.min(length, MAX_HEADER_BYTES, source.size));
    try {
      return parseHeader(source.name, bytes);
    } catch (error) {
      if (!(error instanceof HeaderTooShort)) throw error;
      if (bytes.length < length) throw tooShort(source);
    }
  }
}

function tooShort({ name, size }: Source): Error {
  return size <= MAX_HEADER_BYTES
    ? damaged(name, `its header does not end before byte ${size}: the file is truncated or damaged; fetch it again.`)
    : damaged(name, `its header is longer than ${MAX_HEADER_BYTES} bytes: the file is damaged; fetch it again.`);
}

function parseHeader(file: string, bytes: Uint8Array): GgufHeader {
  const cursor = new GgufCursor(file, bytes);
  checkVersion(file, cursor);
  const [tensors, entries] = [cursor.size(), cursor.size()];
  if (tensors > MAX_TENSORS || entries > MAX_ENTRIES)
    throw damaged(
      file,
      `its header claims ${tensors} tensors and ${entries} metadata entries; the limits are ${MAX_TENSORS} and ` +
        `${MAX_ENTRIES}: the file is damaged; fetch it again.`,
    );
  const metadata = new Map<string, MetadataValue>();
  for (let i = 0; i < entries; i++) {
    const key = cursor.name(MAX_KEY_BYTES);
    if (metadata.has(key)) throw damaged(file, `the key ${quoted(key)} appears twice; convert the model again.`);
    metadata.set(key, cursor.value());
  }
  const found = Array.from({ length: tensors }, () => parseTensor(file, cursor));
  return { metadata, tensors: found, length: cursor.position };
}

function checkVersion(file: string, cursor: GgufCursor): void {
  const magic = Array.from(GGUF_MAGIC).reduceRight((word, symbol) => word * 256 + symbol.charCodeAt(0), 0);
  if (cursor.u32() !== magic) throw damaged(file, "not a GGUF file: the magic number is missing.");
  const version = cursor.u32();
  if (VERSIONS.includes(version)) return;
  // In a big-endian file the version's only non-zero byte is the last of the four.
  const isBigEndian = version > 0 && version % 2 ** 24 === 0;
  throw damaged(
    file,
    isBigEndian
      ? "a big-endian GGUF file: convert the model again as little-endian."
      : `GGUF version ${version}; wkv reads 2 and 3: convert the model again with a current llama.cpp.`,
  );
}

function parseTensor(file: string, cursor: GgufCursor): GgufTensor {
  const name = cursor.name(MAX_NAME_BYTES);
  const axes = cursor.u32();
  if (axes > MAX_AXES)
    throw damaged(file, `tensor ${quoted(name)} has ${axes} axes: the file is damaged; fetch it again.`);
  const shape = Array.from({ length: axes }, () => cursor.size()).reverse();
  return { name, shape, type: cursor.u32(), offset: cursor.size() };
}
