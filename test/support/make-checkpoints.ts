import { BLOCK, byteLength, type Dtype } from "../../host/checkpoint/dtypes.ts";
import { ByteWriter } from "./byte-writer.ts";
import { dict, global, pickle, reduce, stored, tuple } from "./make-pickle.ts";
import { zip } from "./make-zip.ts";
import { random } from "./random.ts";

/** A tensor as a test knows it: its row-major bytes, which every container must give back. */
export interface Sample {
  name: string;
  dtype: Dtype;
  shape: number[];
  bytes: Uint8Array;
}

/** A small model: two layers, width 32, matrices in one dtype, vectors in another. Bytes are random. */
export function sampleModel(matrices: Dtype, vectors: Dtype = matrices, seed = 1): Sample[] {
  const next = random(seed);
  const sample = (name: string, dtype: Dtype, shape: number[]): Sample => {
    const size = byteLength(
      dtype,
      shape.reduce((a, b) => a * b, 1),
    );
    return { name, dtype, shape, bytes: Uint8Array.from({ length: size }, () => next(256)) };
  };
  const block = (i: number) => [
    sample(`blocks.${i}.ln1.weight`, vectors, [32]),
    sample(`blocks.${i}.att.time_mix_k`, vectors, [1, 1, 32]),
    sample(`blocks.${i}.att.key.weight`, matrices, [4, 64]),
    sample(`blocks.${i}.att.time_maa_w2`, matrices, [3, 2, 32]),
  ];
  return [sample("emb.weight", matrices, [6, 32]), ...block(0), ...block(1), sample("head.weight", matrices, [6, 32])];
}

/** The order given is the order of the bytes; the header is padded with spaces unless `unaligned`. */
export function safetensors(samples: readonly Sample[], unaligned = false): Uint8Array {
  let at = 0;
  const header: Record<string, unknown> = { __metadata__: { format: "pt", note: "from a test" } };
  for (const { name, dtype, shape, bytes } of samples)
    header[name] = { dtype, shape, data_offsets: [at, (at += bytes.length)] };
  const json = JSON.stringify(header);
  const length = Math.ceil(json.length / 8) * 8 + (unaligned ? 3 : 0);
  return rawSafetensors(
    json.padEnd(length),
    samples.map(({ bytes }) => bytes),
  );
}

/** A safetensors file of any header text whatever. */
export function rawSafetensors(
  header: string,
  data: readonly Uint8Array[] = [],
  length: bigint = BigInt(header.length),
): Uint8Array {
  const out = new ByteWriter().u64(length).text(header);
  for (const bytes of data) out.raw(bytes);
  return out.bytes();
}

const GGML_TYPES: Partial<Record<Dtype, number>> = { F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q5_0: 7, Q5_1: 8, Q8_0: 9 };

/** An rwkv.cpp file; `sizes` (vocabulary, width, layers) are those of `sampleModel`. */
export function rwkvCpp(samples: readonly Sample[], version = 101, sizes: readonly number[] = [6, 32, 2]): Uint8Array {
  const out = new ByteWriter();
  for (const value of [0x67676d66, version, ...sizes, 0]) out.i32(value);
  for (const { name, dtype, shape, bytes } of samples)
    rwkvCppTensor(out, name, GGML_TYPES[dtype]!, shape.toReversed()).raw(bytes);
  return out.bytes();
}

/** The header of one tensor; `axes` innermost first. */
export function rwkvCppTensor(out: ByteWriter, name: string, type: number, axes: readonly number[]): ByteWriter {
  out.i32(axes.length).i32(name.length).i32(type);
  for (const size of axes) out.i32(size);
  return out.text(name);
}

/** How torch names the storages of each dtype. */
const STORAGES: Record<string, string> = {
  F32: "FloatStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  F64: "DoubleStorage",
  I64: "LongStorage",
  BOOL: "BoolStorage",
};

export interface TorchStorageSample {
  key: string;
  /** One of `STORAGES`. */
  dtype: string;
  /** Values. */
  length: number;
  bytes: Uint8Array;
}

/** A tensor in a pickle; numbers count values. Wrong ones are for tests of bad files. */
export interface TorchTensorSample {
  name: string;
  storage: TorchStorageSample;
  offset: number;
  shape: readonly (number | bigint)[];
  strides: readonly (number | bigint)[];
  parameter?: boolean;
}

/** Each sample in a storage of its own. */
export function ownStorages(samples: readonly Sample[]): TorchTensorSample[] {
  return samples.map(({ name, dtype, shape, bytes }, i) => ({
    name,
    storage: { key: String(i), dtype, length: bytes.length / BLOCK[dtype].bytes, bytes },
    offset: 0,
    shape,
    strides: shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1)),
  }));
}

/** The state dict as a value for `pickle`, storages tagged as on a GPU. */
export function stateDict(tensors: readonly TorchTensorSample[], legacy = false): unknown {
  const hooks = () => reduce(global("collections", "OrderedDict"), tuple());
  return dict(
    tensors.map(({ name, storage, offset, shape, strides, parameter }) => {
      const id = ["storage", global("torch", STORAGES[storage.dtype]!), storage.key, "cuda:0", storage.length];
      const place = stored(tuple(...id, ...(legacy ? [null] : [])));
      const args = tuple(place, offset, tuple(...shape), tuple(...strides), false, hooks());
      const tensor = reduce(global("torch._utils", "_rebuild_tensor_v2"), args);
      const wrapped = reduce(global("torch._utils", "_rebuild_parameter"), tuple(tensor, true, hooks()));
      return [name, parameter ? wrapped : tensor];
    }),
  );
}

/** A zip `.pth` around any pickle. */
export function pthOf(data: Uint8Array, storages: readonly TorchStorageSample[] = [], folder = "archive"): Uint8Array {
  return zip([
    { name: `${folder}/data.pkl`, bytes: data },
    { name: `${folder}/.format_version`, bytes: new Uint8Array([0x31]) },
    { name: `${folder}/byteorder`, bytes: new TextEncoder().encode("little") },
    ...uniqueStorages(storages).map(({ key, bytes }) => ({ name: `${folder}/data/${key}`, bytes })),
    { name: `${folder}/version`, bytes: new Uint8Array([0x33, 0x0a]) },
  ]);
}

export function pth(tensors: readonly TorchTensorSample[], folder?: string): Uint8Array {
  return pthOf(
    pickle(stateDict(tensors)),
    tensors.map(({ storage }) => storage),
    folder,
  );
}

/** The form of torch before 1.6. */
export function legacyPth(tensors: readonly TorchTensorSample[]): Uint8Array {
  const storages = uniqueStorages(tensors.map(({ storage }) => storage)).reverse(); // any order is legal
  return legacyPthOf(pickle(stateDict(tensors, true)), storages);
}

export function legacyPthOf(data: Uint8Array, storages: readonly TorchStorageSample[]): Uint8Array {
  const out = new ByteWriter();
  out.raw(pickle(0x1950a86a20f9469cfc6cn)).raw(pickle(1001));
  out.raw(
    pickle(
      dict([
        ["protocol_version", 1001],
        ["little_endian", true],
      ]),
    ),
  ); // prettier-ignore
  out.raw(data).raw(pickle(storages.map(({ key }) => key)));
  for (const { length, bytes } of storages) out.u64(BigInt(length)).raw(bytes);
  return out.bytes();
}

function uniqueStorages(storages: readonly TorchStorageSample[]): TorchStorageSample[] {
  return [...new Map(storages.map((storage) => [storage.key, storage])).values()];
}
