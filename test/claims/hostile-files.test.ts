/**
 * Files made to do harm, of every container: each ends in a WkvError, at once and without filling memory. They are opened
 * in a process of their own, whose memory can be told from the test's.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { ByteWriter } from "../support/byte-writer.ts";
import { readGolden } from "../support/checkpoint-checks.ts";
import { runChild } from "../support/children.ts";
import {
  legacyPthOf,
  ownStorages,
  pth,
  pthOf,
  rawSafetensors,
  rwkvCpp,
  rwkvCppTensor,
  safetensors,
  sampleModel,
} from "../support/make-checkpoints.ts";
import {
  architecture,
  type GgufEntry,
  gguf,
  ggufHeader,
  ggufTensor,
  list,
  splitEntries,
  string,
  u16,
} from "../support/make-gguf.ts";
import { toFla, writeFolder, writeSharded } from "../support/make-hf.ts";
import { dict, pickle } from "../support/make-pickle.ts";
import { zip } from "../support/make-zip.ts";
import { SMALL } from "../support/models.ts";
import type { Ending } from "../support/open-hostile.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { float32 } from "../support/tensor-values.ts";

const MOST_MS = 5000;
const MOST_BYTES = 200e6;

const folder = tempFolder("hostile");

const MODEL = sampleModel("F16", "F32");

interface Case {
  readonly path: string;
  readonly message: RegExp;
}

let made = 0;

function file(name: string, bytes: Uint8Array | string, message: RegExp): Case {
  const path = join(writeFolder(join(folder, String(made++)), [[name, bytes]]), name);
  return { path, message };
}

/** A file as large as it claims to be, though it takes no room on the disk. */
function sparse(name: string, bytes: Uint8Array, size: number, message: RegExp): Case {
  const made = file(name, bytes, message);
  truncateSync(made.path, size);
  return made;
}

/** An index whose shards are as given. */
function index(
  map: Record<string, unknown>,
  message: RegExp,
  others: readonly [string, Uint8Array | string][] = [],
): Case {
  const path = writeFolder(join(folder, String(made++)), [
    ["model.safetensors.index.json", JSON.stringify({ weight_map: map })],
    ...others,
  ]);
  return { path, message };
}

function entry(dtype: string, shape: readonly number[], begin: number, end: number) {
  return { dtype, shape, data_offsets: [begin, end] };
}

const containers: Record<string, () => Case[]> = {
  pth: () => {
    const deep = pickle(dict([["state_dict", nested(500)]]));
    return [
      file(
        "many.pth",
        pthOf(new ByteWriter().u8(0x80, 2).raw(repeated(2_000_000, "}0")).bytes()),
        /runs for more than/,
      ),
      file("deep.pth", pthOf(deep), /no weights at the top|runs for more than|stacks/),
      file("legacy.pth", legacyPthOf(repeated(2_000_000, "("), []), /opens more than/),
      file(
        "huge.pth",
        pth([{ ...ownStorages(MODEL)[0]!, shape: [2n ** 52n, 2n ** 52n], strides: [1, 1] }]),
        /needs value/,
      ),
      file(
        "entries.zip",
        zip(Array.from({ length: 20_000 }, (_, i) => ({ name: `a/${i}`, bytes: new Uint8Array(0) }))),
        /no FOLDER/,
      ),
      file("path.pth", zip([{ name: "../../a/data.pkl", bytes: deep }]), /not one of torch\.save/),
    ];
  },
  safetensors: () => {
    const tiny = Object.fromEntries(
      Array.from({ length: 70_000 }, (_, i) => [`t${i}`, entry("F32", [1], 4 * i, 4 * i + 4)]),
    );
    return [
      file("length.safetensors", rawSafetensors("{}", [], 2n ** 63n), /header claims/),
      sparse("header.safetensors", rawSafetensors("{}", [], 2n ** 40n), 2 ** 41, /header claims 1099511627776 bytes/),
      file("tiny.safetensors", rawSafetensors(JSON.stringify(tiny), [new Uint8Array(280_000)]), /not an RWKV model/),
      file(
        "shape.safetensors",
        rawSafetensors(JSON.stringify({ a: entry("F32", [2 ** 50, 2 ** 50], 0, 4) }), [new Uint8Array(4)]),
        /takes .* bytes/,
      ),
      file("nested.safetensors", rawSafetensors(`{"a":${"[".repeat(4_000_000)}`), /not a JSON object/),
    ];
  },
  index: () => {
    const shard = safetensors(MODEL);
    const names = (values: string[]) => Object.fromEntries(values.map((value, i) => [`t${i}`, value]));
    const plain = /not a plain file name/;
    const cases = [
      "../model.safetensors",
      "/etc/passwd",
      "a/b.safetensors",
      "..",
      "",
      ".hidden",
      "C:\\model.safetensors",
      "https://example.org/x",
      "file:///etc/passwd",
      "a\0b",
      "x".repeat(300),
    ];
    return [
      ...cases.map((name) => index({ a: name }, plain)),
      index({ a: "none.safetensors" }, /part "none\.safetensors" is not next to it/),
      index(
        { "emb.weight": "s.safetensors", missing: "s.safetensors" },
        /"missing" is in "s\.safetensors", but it is not/,
        [["s.safetensors", shard]],
      ),
      index({ a: "model.safetensors.index.json" }, /JSON text/),
      index({ a: 7 }, /is not a file name/),
      index({ a: { b: "c" } }, /is not a file name/),
      index({ "emb.weight": "s.safetensors", x: "t.safetensors" }, /two tensors are named/, [
        ["s.safetensors", shard],
        ["t.safetensors", shard],
      ]),
      index(names(Array.from({ length: 2000 }, (_, i) => `s${i}.safetensors`)), /2000 files, more than any model has/),
      index(
        names(Array.from({ length: 120_000 }, () => "s.safetensors")),
        /120000 tensors in .*more than any model has|part "s\.safetensors" is not next to/,
      ),
      index({}, /without tensors/),
      index({ __proto__x: "s.safetensors", constructor: "s.safetensors" }, /"__proto__x" is in/, [
        ["s.safetensors", shard],
      ]),
      file("model.safetensors.index.json", `{"weight_map": ${"[".repeat(4_000_000)}`, /JSON text/),
      sparse("big.index.json", new TextEncoder().encode('{"weight_map": {'), 2 ** 40, /JSON text/),
    ];
  },
  gguf: () => {
    const part = (name: string, entries: readonly GgufEntry[]) =>
      file(name, gguf(MODEL.slice(0, 1), [architecture("rwkv7"), ...entries]), /./).path;
    const split = (name: string, count: number, no = 0): Case["path"] =>
      part(name, [
        ["split.no", u16(no)],
        ["split.count", u16(count)],
      ]);
    const tensor = (axes: (number | bigint)[], type: number) =>
      ggufTensor(ggufHeader(1), "x", axes, type, 0).raw(new Uint8Array(256)).bytes();
    const wrong = writeFolder(join(folder, String(made++)), [
      ["m-00001-of-00002.gguf", gguf(MODEL.slice(0, 1), [architecture("rwkv7"), ...splitEntries(0, 2, 2)])],
      ["m-00002-of-00002.gguf", gguf(MODEL.slice(1, 2), splitEntries(0, 2, 2))],
    ]);
    const short = writeFolder(join(folder, String(made++)), [
      ["m-00001-of-00002.gguf", gguf(MODEL.slice(0, 1), [architecture("rwkv7"), ...splitEntries(0, 2, 9)])],
      ["m-00002-of-00002.gguf", gguf(MODEL.slice(1, 2), splitEntries(1, 2, 9))],
    ]);
    return [
      file("tensors.gguf", ggufHeader(10n ** 9n).bytes(), /claims 1000000000 tensors/),
      file("list.gguf", ggufHeader(0, [["a", list([string("x")], 2n ** 50n)]]).bytes(), /does not end before byte/),
      file("shape.gguf", tensor([2n ** 60n, 2n ** 60n], 12), /header claims|impossible shape|are needed/),
      file("k.gguf", tensor([256, 2n ** 40n], 14), /are needed/),
      file("odd.gguf", tensor([32], 14), /impossible shape \[32\]/),
      { path: split("m-00001-of-65535.gguf", 65535), message: /one of 65535 parts/ },
      { path: split("m-00001-of-00999.gguf", 999), message: /part "m-00002-of-00999\.gguf" is not next to it/ },
      { path: split("other.gguf", 3), message: /named \.\.\.-00001-of-00003\.gguf/ },
      { path: split("m-00001-of-00002.gguf", 3), message: /named \.\.\.-00001-of-00003\.gguf/ },
      { path: join(wrong, "m-00001-of-00002.gguf"), message: /part 0 of 2, its name part 1/ },
      { path: short, message: /have 2 tensors, but 9 belong/ },
    ];
  },
  "rwkv.cpp": () => {
    const after = (axes: readonly number[]) => {
      const out = new ByteWriter().raw(rwkvCpp(MODEL));
      rwkvCppTensor(out, "x", 0, axes);
      return out.bytes();
    };
    return [
      file("shape.bin", after([1e9, 1e9, 1e9]), /are needed/),
      file("axes.bin", after([1, 1, 1, 1, 1, 1]), /6 axes/),
      sparse("zeros.bin", rwkvCpp(MODEL), 2 ** 33, /it would have 0 axes/),
    ];
  },
  "Hugging Face's names": () => [
    file(
      "twice.safetensors",
      safetensors([...MODEL, { ...MODEL[0]!, name: "rwkv.embeddings.weight" }, float32("rwkv.blocks.0.x", [1], [1])]),
      /which already exists/,
    ),
    file(
      "layers.safetensors",
      safetensors(renamed(/layers\.1\./, "layers.999999999.")),
      /tensor names imply 1000000000 layers/,
    ),
    file(
      "prototype.safetensors",
      safetensors([...renamed(/^$/, ""), float32("model.layers.0.constructor.weight", [1], [1])]),
      /constructor/,
    ),
  ],
  lora: () => {
    const tensor = (name: string, shape: number[], size: number) => ({ [name]: entry("F32", shape, 0, size) });
    const pair = (a: number[], b: number[]) => {
      const [aSize, bSize] = [a, b].map((shape) => 4 * shape.reduce((x, y) => x * y, 1)) as [number, number];
      const header = {
        ...tensor("blocks.0.att.key.lora_A", a, aSize),
        "blocks.0.att.key.lora_B": entry("F32", b, aSize, aSize + bSize),
      };
      const made = sparse(
        "lora.safetensors",
        rawSafetensors(JSON.stringify(header)),
        JSON.stringify(header).length + 8 + aSize + bSize,
        /of rank 1 to 1024/,
      );
      return { ...made, path: `lora:${SMALL}:${made.path}` };
    };
    return [pair([2 ** 20, 64], [64, 2 ** 20]), pair([0, 64], [64, 0]), pair([4, 2 ** 20], [64, 4])];
  },
  "the file system": () => {
    const pipe = join(folder, "pipe.pth");
    const loop = join(folder, "loop.pth");
    if (process.platform === "win32") return [];
    execFileSync("mkfifo", [pipe]);
    symlinkSync(loop, loop);
    return [
      { path: pipe, message: /not a regular file/ },
      { path: loop, message: /cannot be opened \(ELOOP\)/ },
      { path: "/dev/zero", message: /not a regular file/ },
      index({ a: "pipe.safetensors" }, /is not next to it|not a regular file/),
    ];
  },
};

const small = [...(await readGolden(SMALL)).values()];

function renamed(from: RegExp, to: string) {
  return toFla(small).map((sample) => ({ ...sample, name: sample.name.replace(from, to) }));
}

function repeated(count: number, text: string): Uint8Array {
  return new TextEncoder().encode(text).length === 1
    ? new Uint8Array(count).fill(text.charCodeAt(0))
    : Uint8Array.from({ length: count * text.length }, (_, i) => text.charCodeAt(i % text.length));
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

for (const [container, makeCases] of Object.entries(containers))
  describe(container, () => {
    let cases: Case[] = [];
    let endings: Ending[] = [];
    before(async () => {
      cases = makeCases();
      const { code, stdout, stderr } = await runChild(
        "open-hostile.ts",
        [],
        cases.map(({ path }) => `${path}\n`).join(""),
      );
      assert.equal(code, 0, stderr);
      endings = stdout
        .trim()
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    });

    test("every file ends in a WkvError that says why", () => {
      assert.equal(endings.length, cases.length);
      for (const [i, { path, message }] of cases.entries()) {
        assert.match(endings[i]!.outcome, /^(bad-file|unknown-format|unsupported-model)$/, path);
        assert.match(endings[i]!.message, message, path);
      }
    });

    test("within 5 s and 200 MB", () => {
      for (const { path, ms, memory } of endings) {
        assert.ok(ms < MOST_MS, `${path} took ${ms} ms`);
        assert.ok(memory < MOST_BYTES, `after ${path} ${memory} bytes were used`);
      }
    });
  });

test("a folder of shards can be read as it is", async () => {
  const path = writeSharded(join(folder, "sound"), small, "safetensors");
  const { stdout } = await runChild("open-hostile.ts", [], `${path}\n`);
  assert.equal(JSON.parse(stdout).outcome, "opened", stdout);
  writeFileSync(join(path, "model-00002-of-00003.safetensors"), "");
  const { stdout: broken } = await runChild("open-hostile.ts", [], `${path}\n`);
  assert.match(JSON.parse(broken).message, /model-00002-of-00003\.safetensors is empty/);
});
