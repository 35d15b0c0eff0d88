import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK, type Dtype } from "../../../host/checkpoint/dtypes.ts";
import { openCheckpoint } from "../../../host/checkpoint/open.ts";
import { unpickle } from "../../../host/checkpoint/pickle.ts";
import { ByteWriter } from "../../support/byte-writer.ts";
import { assertSame, openBytes, readAll } from "../../support/checkpoint-checks.ts";
import { countingSource } from "../../support/counting-source.ts";
import {
  legacyPth,
  ownStorages,
  pth,
  pthOf,
  rwkvCpp,
  safetensors,
  sampleModel,
  stateDict,
  type TorchStorageSample,
  type TorchTensorSample,
} from "../../support/make-checkpoints.ts";
import { dict, global, pickle, reduce, tuple } from "../../support/make-pickle.ts";
import { zip } from "../../support/make-zip.ts";

const FLOATS: Dtype[] = ["F32", "F16", "BF16"];
const BLOCKS: Dtype[] = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"];

test("every container gives back every dtype byte for byte", async (t) => {
  for (const dtype of FLOATS) {
    const model = sampleModel(dtype);
    const containers = {
      "zip .pth": { bytes: pth(ownStorages(model)), format: "pth" },
      "legacy .pth": { bytes: legacyPth(ownStorages(model)), format: "pth" },
      ".safetensors": { bytes: safetensors(model), format: "safetensors" },
    };
    for (const [name, { bytes, format }] of Object.entries(containers))
      await t.test(`${name} ${dtype}`, async () => {
        const checkpoint = await openBytes(bytes);
        assert.equal(checkpoint.format, format);
        assertSame(await readAll(checkpoint), model);
      });
  }
  for (const dtype of ["F32", "F16", ...BLOCKS] as Dtype[])
    await t.test(`rwkv.cpp ${dtype}`, async () => {
      const model = sampleModel(dtype, "F32");
      for (const version of BLOCK[dtype].values > 1 ? [101] : [100, 101]) {
        const checkpoint = await openBytes(rwkvCpp(model, version));
        assert.equal(checkpoint.format, "rwkv.cpp");
        assertSame(await readAll(checkpoint), model);
      }
    });
});

test(".pth: a folder of any name, zip64, an archive comment", async () => {
  const model = sampleModel("F16");
  assertSame(await readAll(await openBytes(pth(ownStorages(model), "no_rosa5 (final)"))), model);
  const entries = [
    { name: "a/data.pkl", bytes: pickle(stateDict(ownStorages(model))) },
    ...ownStorages(model).map(({ storage }) => ({ name: `a/data/${storage.key}`, bytes: storage.bytes })),
    { name: "a/.data/serialization_id", bytes: new Uint8Array(40) },
    { name: "a/code/compressed.txt", bytes: new Uint8Array(9), method: 8 }, // not ours to read
  ];
  for (const options of [{ wide: "everything" }, { wide: "offsets" }, { comment: "made by a test" }] as const)
    assertSame(await readAll(await openBytes(zip(entries, options))), model);
});

test(".pth: parameters and wrapped state dicts", async () => {
  const model = sampleModel("BF16");
  const tensors = ownStorages(model).map((tensor) => ({ ...tensor, parameter: true }));
  const storages = tensors.map(({ storage }) => storage);
  const wrappings = [
    stateDict(tensors),
    dict([
      ["state_dict", stateDict(tensors)],
      ["epoch", 3],
      ["lr", 1e-4],
    ]), // prettier-ignore
    dict([["model", dict([["state_dict", stateDict(tensors)]])]]),
  ];
  for (const value of wrappings) assertSame(await readAll(await openBytes(pthOf(pickle(value), storages))), model);
});

test(".pth: views with offsets and strides into one shared storage", async () => {
  const values = Float32Array.from({ length: 200_000 }, (_, i) => i + 0.5);
  const storage: TorchStorageSample = {
    key: "0",
    dtype: "F32",
    length: values.length,
    bytes: new Uint8Array(values.buffer),
  };
  const view = (name: string, offset: number, shape: number[], strides: number[]): TorchTensorSample => ({
    name,
    storage,
    offset,
    shape,
    strides,
  });
  const views = [
    view("whole", 0, [200, 1000], [1000, 1]),
    view("part", 5000, [3, 7], [7, 1]),
    view("transposed", 0, [1000, 200], [1, 1000]),
    view("column", 17, [200], [1000]),
    view("permuted", 1, [5, 4, 3], [1, 15, 5]),
    view("one row with an odd stride", 9, [1, 1, 12], [12345, 7, 1]),
    view("scalar", 123, [], []),
    view("empty", 0, [0, 4], [4, 1]),
    view("past a window of the reader", 0, [4, 2], [60000, 9]),
  ];
  const expected = views.map(({ name, offset, shape, strides }) => ({
    name,
    dtype: "F32" as const,
    shape: shape as number[],
    bytes: gatherSlowly(values, offset, shape as number[], strides as number[]),
  }));
  assertSame(await readAll(await openBytes(pth(views))), expected);
  assertSame(await readAll(await openBytes(legacyPth(views))), expected);

  const transposed = (await openBytes(pth(views))).tensors.get("transposed")!;
  for (const from of [0, 799_992, 4, 0]) {
    const slice = new Uint8Array(8);
    await transposed.read(slice, from);
    assert.deepEqual(slice, expected[2]!.bytes.slice(from, from + 8));
  }
});

/** By the definition of strides, one value at a time. */
function gatherSlowly(values: Float32Array, offset: number, shape: number[], strides: number[]): Uint8Array {
  const [size, ...inner] = shape;
  if (size === undefined) return new Uint8Array(values.slice(offset, offset + 1).buffer);
  const rows = Array.from({ length: size }, (_, i) =>
    gatherSlowly(values, offset + i * strides[0]!, inner, strides.slice(1)),
  );
  return Uint8Array.from(rows.flatMap((row) => [...row]));
}

test(".pth: what holds no weights is skipped and listed", async () => {
  const model = sampleModel("F32");
  const odd = (name: string, dtype: string, bytes: number): TorchTensorSample => ({
    name,
    storage: { key: name, dtype, length: 2, bytes: new Uint8Array(bytes) },
    offset: 0,
    shape: [2],
    strides: [1],
  });
  const tensors = [odd("steps", "I64", 16), ...ownStorages(model), odd("mask", "BOOL", 2)];
  for (const bytes of [pth(tensors), legacyPth(tensors)]) {
    const checkpoint = await openBytes(bytes);
    assertSame(await readAll(checkpoint), model);
    assert.deepEqual([...checkpoint.skipped!.keys()], ["steps", "mask"]);
  }
  const mixed = dict([
    ["emb.weight", pickledTensor(tensors[1]!)],
    ["version", "6"],
    ["shape", tuple(1, 2)],
  ]); // prettier-ignore
  const { tensors: found, skipped } = await openBytes(pthOf(pickle(mixed), [tensors[1]!.storage]));
  assert.deepEqual([[...found.keys()], [...skipped!.keys()]], [["emb.weight"], ["version", "shape"]]);
});

function pickledTensor(tensor: TorchTensorSample): unknown {
  return (stateDict([tensor]) as { items: [unknown, unknown][] }).items[0]![1];
}

test(".pth: a state dict may carry attributes (_metadata)", async () => {
  const model = sampleModel("F32");
  const body = pickle(stateDict(ownStorages(model))).slice(0, -1);
  const attributes = pickle(dict([["_metadata", reduce(global("collections", "OrderedDict"), tuple())]])).slice(2, -1);
  const data = Uint8Array.from([...body, ...attributes, "b".charCodeAt(0), ".".charCodeAt(0)]);
  const storages = ownStorages(model).map(({ storage }) => storage);
  assertSame(await readAll(await openBytes(pthOf(data, storages))), model);
});

test("pickles of later protocols", () => {
  const parts = new ByteWriter().u8(0x80, 4, 0x95).u64(99n); // PROTO 4, FRAME
  parts.text("}").u8(0x94).text("(").u8(0x8c, 1).text("a").u8(0x94).text("K\x05"); // MEMOIZE, "a": 5
  parts.u8(0x8c, 1).text("b").text("h\x01"); // "b": the memo's "a"
  parts.text("h\x01").u8(0x8d).u64(2n).text("é").text("u"); // "a" once more: "é"
  parts.u8(0x8c, 1).text("c").text("C\x02hi").text("s"); // "c": bytes
  const bytes = parts.text(".").bytes();
  const { value, end } = unpickle(bytes, { file: "a pickle", global: () => undefined, persistent: () => undefined });
  assert.equal(end, bytes.length);
  assert.deepEqual(
    value,
    new Map<string, unknown>([
      ["a", "é"],
      ["b", "a"],
      ["c", Uint8Array.of(104, 105)],
    ]),
  ); // prettier-ignore
});

test(".safetensors: shuffled, unaligned, names that JavaScript objects have", async () => {
  const model = sampleModel("F16").reverse();
  model[2]!.name = "constructor";
  model[3]!.name = "0";
  assertSame(await readAll(await openBytes(safetensors(model, true))), model);
});

test("tensors read into shared memory, in slices", async () => {
  const model = sampleModel("F32");
  const shared = new SharedArrayBuffer(256);
  for (const bytes of [pth(ownStorages(model)), legacyPth(ownStorages(model)), safetensors(model), rwkvCpp(model)]) {
    const tensor = (await openBytes(bytes)).tensors.get("head.weight")!;
    const target = new Uint8Array(shared, 11, 101);
    await tensor.read(target, 77);
    assert.deepEqual(Uint8Array.from(target), model.at(-1)!.bytes.slice(77, 178));
    await assert.rejects(tensor.read(target, 768 - 100), RangeError);
    await assert.rejects(tensor.read(target, -1), RangeError);
    await assert.rejects(tensor.read(target, Number.NaN), RangeError);
  }
});

test("opening reads headers only, and reading a slice reads that slice only", async () => {
  const model = sampleModel("F32");
  const padded = [
    { name: "padding", dtype: "F32" as const, shape: [2 ** 20], bytes: new Uint8Array(2 ** 22) },
    ...model,
  ];
  for (const bytes of [
    pth(ownStorages(padded)),
    legacyPth(ownStorages(padded)),
    safetensors(padded),
    rwkvCpp(padded),
  ]) {
    const counter = countingSource(bytes);
    const checkpoint = await openCheckpoint(counter.source);
    assert.ok(counter.read() < 160_000, `opening read ${counter.read()} of ${bytes.length} bytes`);
    const before = counter.read();
    await checkpoint.tensors.get("padding")!.read(new Uint8Array(1000), 2 ** 21);
    assert.ok(counter.read() - before < 1100);
  }
});
