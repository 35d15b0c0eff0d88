import type { Dtype } from "../../host/checkpoint/dtypes.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { Sample } from "./make-checkpoints.ts";

/** A value of GGUF's metadata: its type's number and its bytes. */
export interface GgufValue {
  type: number;
  bytes: Uint8Array;
}

export type GgufEntry = readonly [key: string, value: GgufValue];

const GGML_TYPES: Record<Dtype, number> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q2_K: 10,
  Q3_K: 11,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  BF16: 30,
};

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
    ["split.tensors.count", { type: 5, bytes: new ByteWriter().i32(tensors).bytes() }],
  ];
}

/** All that comes before the directory of tensors. */
export function ggufHeader(
  tensors: number | bigint,
  metadata: readonly GgufEntry[] = [architecture("rwkv7")],
  version = 3,
): ByteWriter {
  const out = new ByteWriter().text("GGUF").u32(version).u64(BigInt(tensors)).u64(BigInt(metadata.length));
  for (const [key, { type, bytes }] of metadata) out.raw(string(key).bytes).u32(type).raw(bytes);
  return out;
}

/** An entry of the directory; `axes` innermost first. */
export function ggufTensor(
  out: ByteWriter,
  name: string,
  axes: readonly (number | bigint)[],
  type: number,
  offset: number | bigint,
): ByteWriter {
  out.raw(string(name).bytes).u32(axes.length);
  for (const size of axes) out.u64(BigInt(size));
  return out.u32(type).u64(BigInt(offset));
}

export function architecture(name: string): GgufEntry {
  return ["general.architecture", string(name)];
}

export function string(text: string | Uint8Array): GgufValue {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return { type: 8, bytes: new ByteWriter().u64(BigInt(bytes.length)).raw(bytes).bytes() };
}

export function u16(value: number): GgufValue {
  return { type: 2, bytes: new ByteWriter().u16(value).bytes() };
}

export function u32(value: number): GgufValue {
  return { type: 4, bytes: new ByteWriter().u32(value).bytes() };
}

export function f32(value: number): GgufValue {
  return { type: 6, bytes: new Uint8Array(Float32Array.of(value).buffer) };
}

/** A list of values that all have the type of the first. `count` is for lists that lie about their length. */
export function list(values: readonly GgufValue[], count = BigInt(values.length)): GgufValue {
  const out = new ByteWriter().u32(values[0]!.type).u64(count);
  for (const { bytes } of values) out.raw(bytes);
  return { type: 9, bytes: out.bytes() };
}

function roundUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
