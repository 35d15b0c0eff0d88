import assert from "node:assert/strict";
import { test } from "node:test";
import type { Checkpoint } from "../../../host/checkpoint/checkpoint.ts";
import type { Dtype } from "../../../host/checkpoint/dtypes.ts";
import { StringList } from "../../../host/checkpoint/metadata.ts";
import { openCheckpoint } from "../../../host/checkpoint/open.ts";
import { recogniseModel } from "../../../host/models/recognise.ts";
import { ByteWriter } from "../../support/byte-writer.ts";
import { assertRefused, assertSame, openBytes, readAll, readGolden } from "../../support/checkpoint-checks.ts";
import { toGguf } from "../../support/convert-gguf.ts";
import { countingSource } from "../../support/counting-source.ts";
import { sampleModel } from "../../support/make-checkpoints.ts";
import {
  architecture,
  f32,
  type GgufEntry,
  type GgufValue,
  gguf,
  ggufHeader,
  ggufTensor,
  list,
  string,
  u32,
} from "../../support/make-gguf.ts";
import { SMALL } from "../../support/models.ts";

const MODEL = sampleModel("F16", "F32");

test("gives back every dtype byte for byte, in versions 2 and 3, at any alignment", async () => {
  const dtypes: Dtype[] = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"];
  for (const dtype of dtypes) {
    const model = sampleModel(dtype, "F32");
    for (const version of [2, 3])
      for (const alignment of [1, 32, 4096]) {
        const metadata = [architecture("rwkv6"), ["general.alignment", u32(alignment)] as const];
        const checkpoint = await openBytes(gguf(model, metadata, { version, alignment }));
        assert.equal(checkpoint.format, "gguf");
        assertSame(await readAll(checkpoint), model);
      }
  }
});

test("metadata of every type", async () => {
  const raw = (type: number, ...bytes: number[]): GgufValue => ({ type, bytes: Uint8Array.from(bytes) });
  const ones = Array.from({ length: 8 }, () => 0xff);
  const cases: [GgufValue, unknown][] = [
    [raw(0, 255), 255],
    [raw(1, 255), -1],
    [raw(2, 1, 2), 513],
    [raw(3, 0xfe, 0xff), -2],
    [u32(2 ** 32 - 1), 2 ** 32 - 1],
    [raw(5, 0xfd, 0xff, 0xff, 0xff), -3],
    [f32(1.5), 1.5],
    [raw(7, 0), false],
    [raw(7, 1), true],
    [string("größer"), "größer"],
    [raw(10, 0, 0, 0, 0, 1, 0, 0, 0), 2 ** 32],
    [raw(10, ...ones), 2n ** 64n - 1n],
    [raw(11, ...ones), -1],
    [raw(12, 0, 0, 0, 0, 0, 0, 4, 64), 2.5],
    [list([u32(1), u32(2)]), Uint32Array.of(1, 2)],
    [list([raw(7, 1), raw(7, 0)]), Uint8Array.of(1, 0)],
    [list([raw(11, ...ones)]), BigInt64Array.of(-1n)],
  ];
  const entries = cases.map(([value], i): GgufEntry => [`key ${i}`, value]);
  const words: GgufEntry = ["words", list([string("a"), string(""), string("été")])];
  const { metadata } = await openBytes(gguf(MODEL, [architecture("rwkv7"), ...entries, words]));
  for (const [i, [, expected]] of cases.entries()) assert.deepEqual(metadata!.get(`key ${i}`), expected);
  const found = metadata!.get("words");
  assert.ok(found instanceof StringList);
  const texts = Array.from({ length: found.length }, (_, i) =>
    new TextDecoder().decode(found.bytes.subarray(found.start(i), found.end(i))),
  );
  assert.deepEqual(texts, ["a", "", "été"]);
});

test("opening reads the header, however long, and none of the tensors", async () => {
  const padding = { name: "padding", dtype: "F32" as const, shape: [2 ** 20], bytes: new Uint8Array(2 ** 22) };
  const long: GgufEntry = ["notes", string("x".repeat(300_000))];
  for (const [metadata, most] of [
    [[], 2 ** 18 + 512],
    [[long], 2 ** 18 + 2 ** 20 + 512],
  ] as const) {
    const counter = countingSource(gguf([...MODEL, padding], [architecture("rwkv7"), ...metadata]));
    const { tensors } = await openCheckpoint(counter.source);
    assert.ok(counter.read() <= most, `opening read ${counter.read()} bytes`);
    const before = counter.read();
    await tensors.get("padding")!.read(new Uint8Array(1000), 2 ** 21);
    assert.equal(counter.read() - before, 1000);
  }
});

test("headers that lie", async () => {
  const entry = (key: string, value: GgufValue) => ggufHeader(0, [architecture("rwkv7"), [key, value]]).bytes();
  const tensor = (axes: (number | bigint)[], type: number, offset: number | bigint = 0) =>
    ggufTensor(ggufHeader(1), "x", axes, type, offset).raw(new Uint8Array(256)).bytes();
  const huge = 2n ** 63n;
  const cases: [RegExp, Uint8Array][] = [
    [/GGUF version 1;.*current llama\.cpp/, gguf(MODEL, undefined, { version: 1 })],
    [/GGUF version 4;/, gguf(MODEL, undefined, { version: 4 })],
    [/big-endian GGUF file/, gguf(MODEL, undefined, { version: 3 << 24 })],
    [/general\.architecture is missing/, gguf(MODEL, [])],
    [/general\.architecture is missing/, gguf(MODEL, [["general.architecture", u32(7)]])],
    [/claims 4294967296 tensors/, ggufHeader(2n ** 32n).bytes()],
    [/claims 9223372036854776000 of something/, ggufHeader(huge).bytes()],
    [/claims 0 tensors and 20000 metadata entries/, new ByteWriter().text("GGUF").u32(3).u64(0n).u64(20_000n).bytes()],
    [
      /key "twice" appears twice/,
      ggufHeader(0, [
        ["twice", u32(1)],
        ["twice", u32(1)],
      ]).bytes(),
    ], // prettier-ignore
    [/type 13 at byte/, entry("x", { type: 13, bytes: new Uint8Array(8) })],
    [/nested list/, entry("x", list([list([u32(1)])]))],
    [/does not end before byte/, entry("x", list([u32(1)], 2n ** 40n))],
    [/does not end before byte/, entry("x", list([string("a")], 2n ** 40n))],
    [/of something at byte/, entry("x", list([string("a")], huge))],
    [/does not end before byte/, entry("x", { type: 8, bytes: new ByteWriter().u64(2n ** 40n).bytes() })],
    [/a name at byte \d+ has 70000 bytes/, entry("k".repeat(70_000), u32(1))],
    [/a name at byte \d+ has 130 bytes/, ggufTensor(ggufHeader(1), "n".repeat(130), [1], 0, 0).bytes()],
    [/"x" has 5 axes/, tensor([1, 1, 1, 1, 1], 0)],
    [/impossible shape \[0\]/, tensor([0], 0)],
    [/impossible shape \[2,48\]/, tensor([48, 2], 8)],
    [/are needed/, tensor([1000], 0)],
    [/are needed/, tensor([2n ** 52n, 2n ** 52n, 2n ** 52n], 0)],
    [/are needed/, tensor([4], 0, 2n ** 52n)],
    [/starts at offset 8, inside another one or not aligned to 32/, tensor([4], 0, 8)],
    [/general\.alignment is 24/, gguf(MODEL, [architecture("rwkv7"), ["general.alignment", u32(24)]])],
    [/general\.alignment is 0/, gguf(MODEL, [architecture("rwkv7"), ["general.alignment", u32(0)]])],
    [/two tensors are named "emb\.weight"/, gguf([MODEL[0]!, ...MODEL])],
  ];
  for (const [message, bytes] of cases) await assertRefused(bytes, "bad-file", message);
  const overlapping = ggufTensor(ggufTensor(ggufHeader(2), "a", [32], 0, 0), "b", [8], 0, 96);
  await assertRefused(overlapping.raw(new Uint8Array(256)).bytes(), "bad-file", /"b" starts at offset 96, inside/);
});

test("a header that fills memory is refused soon", async () => {
  const count = 3 * 2 ** 20;
  const emptyStrings = new ByteWriter()
    .u32(8)
    .u64(BigInt(count))
    .raw(new Uint8Array(8 * count))
    .bytes();
  const list = { type: 9, bytes: emptyStrings };
  const file = ggufHeader(0, [architecture("rwkv7"), ["a", list], ["b", list]]).bytes();
  const before = process.memoryUsage().rss;
  const started = performance.now();
  await assertRefused(file, "bad-file", /header is longer than 33554432 bytes/);
  assert.ok(performance.now() - started < 5000);
  assert.ok(process.memoryUsage().rss - before < 200 * 2 ** 20);
});

test("other models, parts and quantisations are refused by name", async () => {
  for (const name of ["llama", "rwkv6qwen2", "arwkv7"])
    await assertRefused(
      gguf(MODEL, [architecture(name)]),
      "unsupported-model",
      new RegExp(`"${name}"${name === "llama" ? "" : ", a Transformer whose attention"}.*rwkv6 and rwkv7`),
    );
  const part = gguf(MODEL, [architecture("rwkv7"), ["split.count", u32(3)]]);
  await assertRefused(part, "bad-file", /one of 3 parts, .*llama-gguf-split --merge/);
  const quantised = (type: number) =>
    ggufTensor(ggufHeader(1), "output.weight", [256], type, 0).raw(new Uint8Array(256)).bytes();
  await assertRefused(quantised(15), "unsupported-model", /"output\.weight" is Q8_K; .*F32, F16, Q4_0.*Q6_K.*--pure/);
  await assertRefused(quantised(22), "unsupported-model", /"output\.weight" is IQ2_S; /);
  await assertRefused(quantised(99), "unsupported-model", /"output\.weight" is of type 99/);
});

test("tensors and metadata that contradict one another are refused", async () => {
  const model = await readGolden(SMALL);
  const options = { architecture: "rwkv7", headSize: 64 } as const;
  const refused = async (bytes: Uint8Array, message: RegExp) => {
    const checkpoint: Checkpoint = await openBytes(bytes);
    assert.throws(() => recogniseModel(checkpoint, "test.bin"), { name: "WkvError", message });
  };
  await refused(toGguf(model, { ...options, architecture: "rwkv6" }), /architecture is "rwkv6", but it has a tensor/);
  await refused(toGguf(model, { ...options, headSize: 48 }), /wkv\.head_size is 48, which does not divide the 64/);
  await refused(toGguf(model, { ...options, headSize: 0 }), /wkv\.head_size is 0/);
  await refused(toGguf(model, { ...options, headSize: 2 }), /head size 2 must be a multiple of 8/);
  const without = new Map(model);
  without.delete("blocks.0.att.r_k");
  await refused(toGguf(without, options), /architecture is "rwkv7", but it has no tensor/);
  const checkpoint = await openBytes(toGguf(model, options));
  const withChange = (key: string, value?: number): Checkpoint => {
    const metadata = new Map(checkpoint.metadata);
    if (value === undefined) metadata.delete(key);
    else metadata.set(key, value);
    return { ...checkpoint, metadata };
  };
  for (const [key, value, message] of [
    ["rwkv7.wkv.head_size", undefined, /no valid rwkv7\.wkv\.head_size/],
    ["rwkv7.attention.layer_norm_epsilon", 1e-6, /layer_norm_epsilon is 0\.000001; wkv supports only 0\.00001/],
  ] as const)
    assert.throws(() => recogniseModel(withChange(key, value), "test.bin"), { code: "bad-file", message });
});
