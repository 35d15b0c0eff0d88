import type { Dtype } from "./dtypes.ts";
import { GGML_TYPES } from "./ggml-types.ts";
import { GGUF_MAGIC } from "./gguf-header.ts";

/** A value of GGUF's metadata: the number of its type, and its bytes. */
export interface GgufValue {
  readonly type: number;
  readonly bytes: Uint8Array;
}

export type GgufEntry = readonly [key: string, value: GgufValue];

/** A tensor of a file to be; `shape` outermost first, `offset` from the first byte after the header and its padding. */
export interface GgufOutTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly offset: number;
}

/** A GGUF's header without the padding after it. */
export function ggufHeader(tensors: readonly GgufOutTensor[], metadata: readonly GgufEntry[], version = 3): Uint8Array {
  return concatBytes([
    ...ggufStart(BigInt(tensors.length), metadata, version),
    ...tensors.flatMap(({ name, dtype, shape, offset }) =>
      ggufTensor(name, shape.toReversed().map(BigInt), GGML_TYPES[dtype], BigInt(offset)),
    ),
  ]);
}

/** All that comes before the directory of tensors. */
export function ggufStart(tensors: bigint, metadata: readonly GgufEntry[], version: number): Uint8Array[] {
  const entries = metadata.flatMap(([key, { type, bytes }]) => [string(key).bytes, u32(type).bytes, bytes]);
  const magic = new TextEncoder().encode(GGUF_MAGIC);
  return [magic, u32(version).bytes, u64(tensors), u64(BigInt(metadata.length)), ...entries];
}

/** An entry of the directory; `axes` innermost first. */
export function ggufTensor(name: string, axes: readonly bigint[], type: number, offset: bigint): Uint8Array[] {
  return [string(name).bytes, u32(axes.length).bytes, ...axes.map(u64), u32(type).bytes, u64(offset)];
}

export function string(text: string | Uint8Array): GgufValue {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return { type: 8, bytes: concatBytes([u64(BigInt(bytes.length)), bytes]) };
}

export function u16(value: number): GgufValue {
  return { type: 2, bytes: new Uint8Array(Uint16Array.of(value).buffer) };
}

export function u32(value: number): GgufValue {
  return { type: 4, bytes: new Uint8Array(Uint32Array.of(value).buffer) };
}

export function i32(value: number): GgufValue {
  return { type: 5, bytes: new Uint8Array(Int32Array.of(value).buffer) };
}

export function f32(value: number): GgufValue {
  return { type: 6, bytes: new Uint8Array(Float32Array.of(value).buffer) };
}

/** A list of values that all have the type of the first. `count`: for tests, lists that lie about their length. */
export function list(values: readonly GgufValue[], count = BigInt(values.length)): GgufValue {
  const type = values[0]?.type ?? 0;
  return { type: 9, bytes: concatBytes([u32(type).bytes, u64(count), ...values.map(({ bytes }) => bytes)]) };
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function u64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}
