import { GGML_TYPES } from "../../host/checkpoint/ggml-types.ts";
import {
  type GgufEntry,
  ggufStart,
  i32,
  string,
  ggufTensor as tensorParts,
  u16,
} from "../../host/checkpoint/gguf-writer.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Sample } from "./make-checkpoints.ts";

export { f32, type GgufEntry, type GgufValue, i32, list, string, u16, u32 } from "../../host/checkpoint/gguf-writer.ts";

export interface GgufOptions {
  version?: number;
  alignment?: number;
}

/** A file of these tensors in this order. Bytes lie between tensors where the alignment asks for them, none at the end. */
export function gguf(
  samples: readonly Sample[],
  metadata: readonly GgufEntry[] = [architecture("rwkv7")],
  { version = 3, alignment = 32 }: GgufOptions = {},
): Uint8Array {
  const out = ggufHeader(samples.length, metadata, version);
  let offset = 0;
  for (const { name, dtype, shape, bytes } of samples) {
    offset = roundUp(offset, alignment);
    ggufTensor(out, name, shape.toReversed(), GGML_TYPES[dtype], offset);
    offset += bytes.length;
  }
  for (const { bytes } of samples) {
    out.raw(new Uint8Array(roundUp(out.length, alignment) - out.length)).raw(bytes);
  }
  return out.bytes();
}

/** A model in several files, as llama-gguf-split makes them: only the first has the metadata. */
export function splitGguf(samples: readonly Sample[], metadata: readonly GgufEntry[], count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    gguf(
      samples.filter((_, at) => Math.floor((at * count) / samples.length) === i),
      [...(i === 0 ? metadata : []), ...splitEntries(i, count, samples.length)],
    ),
  );
}

/** What the header of a part says of it; `index` counts from 0. */
export function splitEntries(index: number, count: number, tensors: number): GgufEntry[] {
  return [
    ["split.no", u16(index)],
    ["split.count", u16(count)],
    ["split.tensors.count", i32(tensors)],
  ];
}

/** All that comes before the directory of tensors. */
export function ggufHeader(
  tensors: number | bigint,
  metadata: readonly GgufEntry[] = [architecture("rwkv7")],
  version = 3,
): ByteWriter {
  return writeAll(new ByteWriter(), ggufStart(BigInt(tensors), metadata, version));
}

/** An entry of the directory; `axes` innermost first. */
export function ggufTensor(
  out: ByteWriter,
  name: string,
  axes: readonly (number | bigint)[],
  type: number,
  offset: number | bigint,
): ByteWriter {
  return writeAll(out, tensorParts(name, axes.map(BigInt), type, BigInt(offset)));
}

function writeAll(out: ByteWriter, parts: readonly Uint8Array[]): ByteWriter {
  for (const part of parts) out.raw(part);
  return out;
}

export function architecture(name: string): GgufEntry {
  return ["general.architecture", string(name)];
}

function roundUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
