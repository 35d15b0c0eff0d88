import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "../../support/byte-writer.ts";
import { assertRefused } from "../../support/checkpoint-checks.ts";
import {
  legacyPth,
  legacyPthOf,
  ownStorages,
  pth,
  pthOf,
  rawSafetensors,
  rwkvCpp,
  rwkvCppTensor,
  sampleModel,
  stateDict,
  type TorchStorageSample,
  type TorchTensorSample,
} from "../../support/make-checkpoints.ts";
import { dict, global, pickle, reduce, tuple } from "../../support/make-pickle.ts";
import { zip } from "../../support/make-zip.ts";

const MODEL = sampleModel("F16", "F32");
const TENSORS = ownStorages(MODEL);

test("a pickle cannot name anything but tensors", async () => {
  const text = (source: string) => new TextEncoder().encode(source);
  const attacks: [RegExp, Uint8Array][] = [
    [/"os\.system"/, pickle(reduce(global("os", "system"), tuple("echo hacked")))],
    [/"posix\.system"/, text("cposix\nsystem\n(S'echo'\ntR.")],
    [
      /"builtins\.eval"/,
      new ByteWriter().u8(0x80, 4, 0x8c, 8).text("builtins").u8(0x8c, 4).text("eval").u8(0x93).bytes(),
    ],
    [/"torch\.storage\._load_from_bytes"/, pickle(global("torch.storage", "_load_from_bytes"))],
    [/"collections\.OrderedDict\.clear"/, pickle(global("collections", "OrderedDict.clear"))],
    [/"torch\.constructor"/, pickle(global("torch", "constructor"))],
    [/"__main__\.[^"]{1,110}"/, pickle(global("__main__", "x".repeat(200)))],
    [/instruction 0x69/, text("(S'echo'\nios\nsystem\n.".slice(9))],
    [/calls what is not a function/, pickle(reduce(global("torch", "FloatStorage"), tuple()))],
    [/calls what is not a function/, pickle(reduce("os.system", tuple("echo hacked")))],
  ];
  for (const [message, data] of attacks) {
    await assertRefused(pthOf(data), "bad-file", message);
    await assertRefused(legacyPthOf(data, []), "bad-file", message);
  }
});

test("hostile pickles end soon", async () => {
  const repeated = (count: number, ...bytes: number[]) =>
    new Uint8Array(count * bytes.length).map((_, i) => bytes[i % bytes.length]!);
  const program = (...parts: (Uint8Array | number[])[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
  const [MARK, POP, TUPLE1, DICT, LIST, APPEND, DUP, STOP, PUT, GET, TUPLE2] = [..."(0\x85}]a2.qh\x86"].map((c) =>
    c.charCodeAt(0),
  ) as [number, number, number, number, number, number, number, number, number, number, number]; // prettier-ignore
  const cases: [string, RegExp, Uint8Array][] = [
    ["tuples nested deeply", /torch file of a list/, program([DICT], repeated(400_000, TUPLE1), [STOP])],
    ["a list in itself", /torch file of a list/, program([LIST, DUP, APPEND, STOP])],
    ["a tuple of 2^1000 leaves", /torch file of a list/, program([DICT], repeated(1000, DUP, TUPLE2), [STOP])],
    ["dicts without end", /stacks more than/, repeated(2_000_000, DICT)],
    ["marks without end", /opens more than/, repeated(2_000_000, MARK)],
    ["work without end", /runs for more than/, repeated(2_000_000, DICT, POP)],
    ["no value at all", /takes a value/, program([STOP])],
    ["a pop below a mark", /takes a value/, program([DICT, MARK, POP, STOP])],
    ["a recall of nothing", /recalls value 7/, program([GET, 7, STOP])],
    ["a memo of nothing", /takes a value/, program([PUT, 7, STOP])],
    ["items of a list", /is not a dict/, program([LIST, LIST, LIST, "s".charCodeAt(0), STOP])],
    ["a string of 2^60 bytes", /needs 115292150460684\d+ bytes/, program([0x8d, 0, 0, 0, 0, 0, 0, 0, 16, STOP])],
    ["a number of 255 bytes", /number of 255 bytes/, program([0x8a, 255], new Uint8Array(255), [STOP])],
    ["a name without end", /endless line/, program(["c".charCodeAt(0)], repeated(5000, 65))],
    ["text that is not UTF-8", /not UTF-8/, program([0x8c, 2, 0xff, 0xff, STOP])],
    ["a number as persistent id", /a storage is referenced/, program(["K".charCodeAt(0), 1, "Q".charCodeAt(0), STOP])],
    ["a module that is a list", /not text/, program([LIST, LIST, 0x93, STOP])],
  ];
  for (const [what, message, data] of cases) {
    const started = process.cpuUsage();
    const code = message.source.includes("torch file") ? "unsupported-model" : "bad-file";
    await assertRefused(pthOf(data), code, message);
    await assertRefused(legacyPthOf(data, []), code, message);
    const { user, system } = process.cpuUsage(started);
    assert.ok((user + system) / 1000 < 4000, `${what} took ${(user + system) / 1000} ms of a processor`);
  }
  await assertRefused(pthOf(new Uint8Array(17 * 2 ** 20)), "bad-file", /data\.pkl" has 17825792 bytes/);
});

test(".pth: tensors that their storages cannot hold", async () => {
  const tensor = TENSORS[0]!;
  const huge = 2n ** 53n;
  const cases: [RegExp, Partial<TorchTensorSample>][] = [
    [/"emb\.weight" needs value 192 of a storage of 192/, { offset: 1 }],
    [/"emb\.weight" needs value 999999999 /, { shape: [10 ** 9], strides: [1] }],
    [/"emb\.weight" needs value /, { shape: [2n ** 52n, 2n ** 52n], strides: [1, 1] }],
    [/more than once/, { shape: [10 ** 9, 10 ** 9], strides: [0, 0] }],
    [/more than once/, { shape: [10, 10], strides: [1, 1] }],
    [/impossible/, { shape: [huge], strides: [1] }],
    [/impossible/, { shape: [-1], strides: [1] }],
    [/impossible/, { shape: [6, 32], strides: [-32, -1] }],
    [/impossible/, { shape: [6, 32], strides: [1] }],
    [/impossible/, { shape: [Number.NaN], strides: [1] }],
    [/impossible/, { shape: [1.5], strides: [1] }],
    [/impossible/, { offset: -1 }],
    [/impossible/, { shape: Array(1000).fill(1), strides: Array(1000).fill(1) }],
  ];
  for (const [message, lie] of cases) {
    await assertRefused(pth([{ ...tensor, ...lie }]), "bad-file", message);
    await assertRefused(legacyPth([{ ...tensor, ...lie }]), "bad-file", message);
  }
});

test(".pth: storages that are not what the tensors need", async () => {
  const tensor = TENSORS[0]!;
  const data = (lie: object) => pickle(stateDict([{ ...tensor, storage: { ...tensor.storage, ...lie } }]));
  const short = [{ ...tensor.storage, bytes: tensor.storage.bytes.slice(1) }];
  await assertRefused(pthOf(data({}), short), "bad-file", /storage "0" has 383 bytes, expected 384/);
  await assertRefused(pthOf(data({}), []), "bad-file", /storage "0" is not in the archive/);
  await assertRefused(pthOf(data({ key: "../../etc/passwd" }), []), "bad-file", /passwd" is not in the archive/);
  for (const length of [2 ** 53, -1, 0.5])
    await assertRefused(pthOf(data({ length }), []), "bad-file", /a storage is referenced/);
  await assertRefused(
    pth([tensor, { ...TENSORS[1]!, storage: { ...TENSORS[1]!.storage, key: "0" } }]),
    "bad-file",
    /two types/,
  );
  const legacy = (storages: TorchStorageSample[]) => legacyPthOf(pickle(stateDict([tensor], true)), storages);
  await assertRefused(legacy([]), "bad-file", /storage "0" is not in the file/);
  await assertRefused(legacy([tensor.storage, tensor.storage]), "bad-file", /does not match/);
  await assertRefused(legacy([{ ...tensor.storage, key: "1" }]), "bad-file", /does not match/);
  await assertRefused(legacy([{ ...tensor.storage, length: 191 }]), "bad-file", /191 values, expected 192/);
  const double = { ...tensor.storage, dtype: "F64", length: 192, bytes: new Uint8Array(192 * 8) };
  await assertRefused(
    pth([{ ...tensor, storage: double }]),
    "unsupported-model",
    /"emb\.weight" is float64.*model\.float\(\)/,
  );
  await assertRefused(pthOf(pickle(dict([["step", 1]]))), "unsupported-model", /it has "step"/);
  await assertRefused(pthOf(pickle([1, 2])), "unsupported-model", /not of a state dict/);
});

test("zip archives that lie", async () => {
  const data = { name: "a/data.pkl", bytes: pickle(stateDict(TENSORS.slice(0, 1))) };
  const storage = { name: "a/data/0", bytes: TENSORS[0]!.storage.bytes };
  const cases: [RegExp, Uint8Array][] = [
    [/"a\/data\/0" is compressed/, zip([data, { ...storage, method: 8 }])],
    [/"a\/data\.pkl" is compressed/, zip([{ ...data, method: 8 }, storage])],
    [/"a\/data\/0" is encrypted/, zip([data, { ...storage, flags: 1 }])],
    [/two zip entries are named "a\/data\/0"/, zip([data, storage, storage])],
    [/2 folders with a data\.pkl/, zip([data, storage, { ...data, name: "b/data.pkl" }])],
    [/byte order is "big"/, zip([data, storage, { name: "a/byteorder", bytes: new TextEncoder().encode("big") }])],
    [/runs into the archive's directory/, zip([data, { ...storage, size: 1e6 }])],
    [/runs into the archive's directory/, zip([data, { ...storage, size: 2n ** 63n }], { wide: "everything" })],
    [
      /runs into the archive's directory/,
      zip([data, { ...storage, headerAt: 2n ** 64n - 1n }], { wide: "everything" }),
    ],
    [/no zip entry starts at byte 3/, zip([data, { ...storage, headerAt: 3 }])],
    [/has 1 bytes, expected 384/, zip([data, { ...storage, size: 1 }])],
  ];
  for (const [message, bytes] of cases) await assertRefused(bytes, "bad-file", message);

  const lying64 = zip([data, storage], { wide: "everything" });
  const end64 = lying64.length - 22 - 20 - 56;
  for (const field of [40, 48]) {
    const bytes = lying64.slice();
    bytes.fill(0xff, end64 + field, end64 + field + 8);
    await assertRefused(bytes, "bad-file", /test\.bin/);
  }
  const named = (...names: string[]) => zip(names.map((name) => ({ name, bytes: new Uint8Array(3) })));
  await assertRefused(named("word/document.xml"), "unknown-format", /not one of torch\.save.*"word\/document\.xml"/);
  await assertRefused(named("../../data.pkl"), "unknown-format", /not one of torch\.save/);
  await assertRefused(named("a/data.pkl", "a/constants.pkl"), "unknown-format", /TorchScript/);
  await assertRefused(zip([]), "unknown-format", /it contains nothing/);
});

test("safetensors headers that lie", async () => {
  const entry = (dtype: string, shape: unknown, offsets: unknown) => ({ dtype, shape, data_offsets: offsets });
  const file = (header: unknown, size = 16) => rawSafetensors(JSON.stringify(header), [new Uint8Array(size)]);
  const good = entry("F32", [4], [0, 16]);
  const bad: [RegExp, Uint8Array][] = [
    [/header claims 92233720368547\d+ bytes/, rawSafetensors("{}", [], 2n ** 63n)],
    [/ends at byte 10, but bytes 8 to 11/, rawSafetensors("{}", [], 3n)],
    [/not a JSON object/, rawSafetensors("{]")],
    [/not a JSON object/, rawSafetensors(`{"a":${"[".repeat(1_000_000)}`)],
    [/not a JSON object/, rawSafetensors('{"\xff"}').map((byte) => (byte === 0xc3 ? 0xff : byte))],
    [/takes 17179869184 bytes/, file({ a: entry("F32", [2 ** 16, 2 ** 16], [0, 16]) })],
    [/takes .* bytes, but its data_offsets span 16/, file({ a: entry("F32", [1e9, 1e9, 1e9], [0, 16]) })],
    [/takes 8 bytes/, file({ a: entry("F16", [4], [0, 16]) })],
    [/next free byte is 8/, file({ a: entry("F16", [4], [0, 8]), b: entry("F16", [6], [4, 16]) })],
    [/next free byte is 4/, file({ a: entry("F32", [1], [0, 4]), b: entry("F32", [2], [8, 16]) })],
    [/next free byte is 0/, file({ a: entry("F32", [0], [16, 0]) })],
    [/end at byte .* the file at byte/, file({ a: good }, 17)],
    [/end at byte .* the file at byte/, file({ a: good }, 15)],
    [
      /next free byte is 0/,
      rawSafetensors(`{"a":${JSON.stringify(good)},"a":${JSON.stringify(entry("F32", [4], [16, 32]))}}`, [
        new Uint8Array(32),
      ]),
    ], // prettier-ignore
    ...[
      null,
      7,
      [],
      {},
      entry("F32", [-1], [0, 16]),
      entry("F32", [2 ** 53], [0, 16]),
      entry("F32", [0.5], [0, 16]),
      entry("F32", "4", [0, 16]),
      entry("F32", [4], [0, 16, 32]),
      entry("F32", [4], [-16, 0]),
      entry("F32", [4], null),
    ].map(
      // prettier-ignore
      (lie): [RegExp, Uint8Array] => [/tensor "a" has no valid dtype/, file({ a: lie })],
    ),
    [/tensor "a" has no valid dtype/, rawSafetensors('{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,1e999]}}')],
  ];
  for (const [message, bytes] of bad) await assertRefused(bytes, "bad-file", message);
  await assertRefused(file({ a: entry("F64", [2], [0, 16]) }), "unsupported-model", /"a" is "F64".*convert/);
  await assertRefused(file({ a: entry("F8_E4M3", [16], [0, 16]) }), "unsupported-model", /"F8_E4M3"/);
  await assertRefused(file({ a: entry("I64", [2], [0, 16]) }), "unsupported-model", /no weights/);
  await assertRefused(file({ __metadata__: { format: "pt" } }, 0), "unsupported-model", /no weights/);
});

test("rwkv.cpp headers that lie", async () => {
  const whole = rwkvCpp(MODEL);
  const after = (add: (out: ByteWriter) => void) => {
    const out = new ByteWriter().raw(whole);
    add(out);
    return out.bytes();
  };
  const cases: [RegExp, Uint8Array][] = [
    [/two tensors are named "emb\.weight"/, after((out) => rwkvCppTensor(out, "emb.weight", 0, [1]).u32(0))],
    [/is needed|are needed/, after((out) => rwkvCppTensor(out, "x", 0, [1e9, 1e9, 1e9, 1e9]))],
    [/impossible shape \[-4\]/, after((out) => rwkvCppTensor(out, "x", 0, [-4]))],
    [/impossible shape \[0\]/, after((out) => rwkvCppTensor(out, "x", 0, [0]))],
    [/impossible shape \[2,48\]/, after((out) => rwkvCppTensor(out, "x", 2, [48, 2]))],
    [/it would have 5 axes/, after((out) => rwkvCppTensor(out, "x", 0, [1, 1, 1, 1, 1]))],
    [/it would have 0 axes/, after((out) => rwkvCppTensor(out, "x", 0, []).u32(0))],
    [/a name of -1 bytes/, after((out) => out.i32(1).i32(-1).i32(0).i32(1))],
    [
      /a name of 2147483647 bytes/,
      after((out) =>
        out
          .i32(1)
          .i32(2 ** 31 - 1)
          .i32(0)
          .i32(1),
      ),
    ],
    [/header at byte \d+ is cut off/, after((out) => out.u8(1))],
    [/name at byte \d+ is cut off/, after((out) => out.i32(1).i32(9).i32(0).i32(1).text("x"))],
    [/tensor "head\.weight" is missing/, rwkvCpp(MODEL.slice(0, -1))],
    [/2 layers, but there are 1/, rwkvCpp(MODEL.filter(({ name }) => !name.startsWith("blocks.1.")))],
    [
      /"emb\.weight" is \[5,32\], but the file's header says \[6,32\]/,
      rwkvCpp([{ ...MODEL[0]!, shape: [5, 32], bytes: new Uint8Array(320) }, ...MODEL.slice(1)]),
    ], // prettier-ignore
    [/file version 102/, rwkvCpp(MODEL, 102)],
  ];
  for (const [message, bytes] of cases) await assertRefused(bytes, "bad-file", message);
  const dropped = after((out) => rwkvCppTensor(out, "x", 4, [32]));
  await assertRefused(dropped, "unsupported-model", /"x" has type 4 of file version 101.*quantise the model again/);
  await assertRefused(rwkvCpp(sampleModel("Q4_0", "F32"), 100), "unsupported-model", /type 2 of file version 100/);
});

test("what is no model says what it looks like and what to give instead", async () => {
  const text = (start: string) => Uint8Array.from(start.padEnd(600), (c) => c.charCodeAt(0));
  const tar = new Uint8Array(1024).fill(0x61, 0, 5);
  tar.set(new TextEncoder().encode("ustar"), 257);
  const cases: [RegExp, Uint8Array][] = [
    [/is empty: fetch/, new Uint8Array(0)],
    [/ggjt file of old llama\.cpp/, text("tjgg\x01\0\0\0")],
    [/JSON text/, text('{"architectures": ["Rwkv7ForCausalLM"]}')],
    [/JSON text/, text('{"a":1,"{": 2}')],
    [/web page/, text("\n<!DOCTYPE html><html>")],
    [/web page/, text('<html lang="en">')],
    [/Git LFS pointer.*git lfs pull/, text("version https://git-lfs.github.com/spec/v1\noid sha256:00")],
    [/text, not weights/, text("The model is in the other folder.")],
    [/compressed with gzip: unpack/, text("\x1f\x8b\x08\0")],
    [/tar archive: unpack/, tar],
    [/Python pickle, but not one of torch\.save/, pickle(dict([["a", 1]]))],
    [/nothing but zeros/, new Uint8Array(4096)],
    [/starts with the unknown bytes 01 02 03/, Uint8Array.of(1, 2, 3)],
  ];
  for (const [message, bytes] of cases) await assertRefused(bytes, "unknown-format", message);
});
