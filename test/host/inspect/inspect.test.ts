import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Dtype } from "../../../host/checkpoint/dtypes.ts";
import { decodeValues } from "../../../host/checkpoint/values.ts";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { inspectModel } from "../../../host/inspect/inspect.ts";
import { readGolden } from "../../support/checkpoint-checks.ts";
import { toGguf } from "../../support/convert-gguf.ts";
import { ownStorages, pth, safetensors, sampleModel } from "../../support/make-checkpoints.ts";
import { toFla, writeFolder, writeSharded } from "../../support/make-hf.ts";
import { committed, symbols } from "../../support/models.ts";
import { randomBlocks } from "../../support/random-blocks.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { float32, values } from "../../support/tensor-values.ts";

const SHAPE = { layers: 1, width: 32, headSize: 16, vocabSize: 100 };

test("decodes half precision: numbers, subnormals, infinities, NaN", () => {
  const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x83ff, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000);
  const expected = [1, -2, 2 ** -24, -1023 * 2 ** -24, 65504, Infinity, -Infinity, NaN, -0];
  assert.deepEqual([...decodeValues("F16", new Uint8Array(halves.buffer))], expected);
  const brain = Uint16Array.of(0x3f80, 0xc040, 0xff80);
  assert.deepEqual([...decodeValues("BF16", new Uint8Array(brain.buffer))], [1, -3, -Infinity]);
});

test("decodes ggml's blocks", () => {
  const [scale, minimum] = [
    [0x00, 0x38], // 0.5
    [0x00, 0x40], // 2
  ] as const;
  const nibbles = Array.from({ length: 16 }, (_, i) => i | ((15 - i) << 4));
  const high = [0xff, 0xff, 0, 0]; // set for the first half
  const low = Array.from({ length: 16 }, (_, i) => i);
  const top = low.toReversed();
  const signed = Array.from({ length: 32 }, (_, i) => i - 16);
  const cases: [Dtype, readonly number[], readonly number[]][] = [
    ["Q4_0", [...scale, ...nibbles], [...low, ...top].map((q) => (q - 8) * 0.5)],
    ["Q4_1", [...scale, ...minimum, ...nibbles], [...low, ...top].map((q) => q * 0.5 + 2)],
    ["Q5_0", [...scale, ...high, ...nibbles], [...low.map((q) => q * 0.5), ...top.map((q) => (q - 16) * 0.5)]],
    ["Q5_1", [...scale, ...minimum, ...high, ...nibbles], [...low.map((q) => q + 16), ...top].map((q) => q * 0.5 + 2)],
    ["Q8_0", [...scale, ...signed], signed.map((q) => q * 0.5)],
  ];
  for (const [dtype, block, expected] of cases)
    assert.deepEqual(
      [...decodeValues(dtype, Uint8Array.from([...block, ...block]))],
      [...expected, ...expected],
      dtype,
    );
});

test("describes a model from its headers alone", async () => {
  const bytes = syntheticModel(SHAPE);
  let read = 0;
  const source = {
    size: bytes.length,
    read(offset: number, length: number) {
      read += length;
      return bytes.slice(offset, offset + length);
    },
  };
  const { model, memory, tokenizer, error, parameters, stored } = await inspectModel(source);
  assert.ok(read < 20_000, `${read} bytes read`);
  assert.deepEqual(model, {
    architecture: "rwkv7",
    version: "7",
    layers: 1,
    width: 32,
    heads: 2,
    headSize: 16,
    vocabSize: 100,
    ffn: 128,
    ranks: { w: 32, a: 32, v: 0, g: 32 },
  });
  assert.deepEqual(stored, [{ dtype: "F32", tensors: stored[0]?.tensors, bytes: 4 * parameters }]);
  assert.ok(memory?.f32 && memory.f32.weights >= 4 * parameters && memory.f32.total > memory.f32.weights);
  assert.match(JSON.stringify(tokenizer), /100 embedding rows.*--vocab FILE/);
  assert.equal(error, undefined);
});

test("finds NaN, infinite values and tensors of zeros", async () => {
  const bytes = syntheticModel(SHAPE);
  const { tensors } = await inspectModel(bytes, { stats: true });
  assert.ok(tensors.every(({ stats }) => stats?.nan === 0 && stats.infinite === 0));
  const values = new Float32Array(bytes.buffer, bytes.length - 4 * 100 * 32); // head.weight comes last
  values.fill(0);
  values.set([NaN, -Infinity, 3, -4]);
  const spoiled = await inspectModel(bytes, { stats: true });
  assert.deepEqual(spoiled.tensors.at(-1)?.stats, { nan: 1, infinite: 1, min: -4, max: 3 });
  values.fill(0);
  const zero = await inspectModel(bytes, { stats: true });
  assert.deepEqual(zero.tensors.at(-1)?.stats, { nan: 0, infinite: 0, min: 0, max: 0 });
});

test("a model that cannot be run is described as far as possible", async () => {
  const { error, model, memory, tensors, format } = await inspectModel(safetensors(sampleModel("F16", "F32")));
  assert.equal(error?.code, "bad-file");
  assert.deepEqual([format, model, memory], ["safetensors", undefined, undefined]);
  assert.equal(tensors.length, 10);
});

test("decodes K-quants as their description does", () => {
  for (const dtype of ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"] as const) {
    const sample = randomBlocks({ name: "x", dtype: "F32", shape: [8, 256], bytes: new Uint8Array(0) }, dtype);
    assert.deepEqual(decodeValues(dtype, sample.bytes), values(sample), dtype);
  }
});

describe("whatever the file is called and whoever wrote it", async () => {
  const folder = tempFolder("inspect");
  const model = [...(await readGolden(committed("q7.zip.pth"))).values()];

  test("a folder: its parts, whose names they are, where each tensor goes", async () => {
    const path = writeSharded(join(folder, "hf"), toFla(model), "safetensors");
    writeFolder(path, [["vocab.txt", symbols(97)]]);
    const { parts, bytes, names, tokenizer, tensors, ...rest } = await inspectModel(path);
    assert.equal(rest.error, undefined);
    assert.equal(names, "flash-linear-attention");
    assert.deepEqual(parts?.map(({ name }) => name)[2], "model-00003-of-00003.safetensors");
    assert.equal(
      bytes,
      parts?.reduce((sum, { size }) => sum + size, 0),
    );
    assert.deepEqual(tokenizer, { source: "vocab.txt", kind: "symbols", ids: 97 });
    const placesOf = (name: string) => tensors.find((tensor) => tensor.name === name)?.places;
    const [key] = placesOf("model.layers.1.attn.k_proj.weight") ?? [];
    assert.deepEqual([key?.name, key?.kind, key?.format], ["blocks.1.att.key.weight", "matrix", "int8"]);
    assert.ok(key?.address && key.address % 64 === 0);
    assert.deepEqual(placesOf("model.layers.1.attn.a_lora.lora.2.bias")?.[0]?.name, "blocks.1.att.a0");
    assert.deepEqual(placesOf("model.embeddings.weight")?.[0]?.kind, "table");
  });

  test("tensors that are in pieces, and those that go nowhere", async () => {
    const options = { architecture: "rwkv7", headSize: 64 } as const;
    const { names, tensors } = await inspectModel(toGguf(new Map(model.map((s) => [s.name, s])), options));
    assert.equal(names, "llama.cpp");
    const fused = tensors.find(({ name }) => name === "blk.0.time_mix_lerp_fused.weight");
    assert.deepEqual(
      fused?.places?.map(({ name }) => name),
      Array.from("rwkvag", (letter) => `blocks.0.att.x_${letter}`),
    );
    assert.deepEqual(tensors.find(({ name }) => name === "blk.0.time_mix_v1.weight")?.places, []);
  });

  test("a LoRA and a tuned state are no models, and no errors", async () => {
    const pair = [
      float32("blocks.0.att.key.lora_A", [2, 4], Array(8).fill(1)),
      float32("blocks.0.att.key.lora_B", [4, 2], Array(8).fill(1)),
    ];
    const lora = await inspectModel(pth(ownStorages([...pair, float32("blocks.0.ln1.weight", [4], [1, 2, 3, 4])])));
    assert.deepEqual(lora.lora, {
      pairs: [{ target: "blocks.0.att.key.weight", rank: 2 }],
      whole: ["blocks.0.ln1.weight"],
    });
    const tuned = [0, 1].map((layer) => float32(`blocks.${layer}.att.time_state`, [1, 2, 2], [1, 2, 3, 4]));
    const state = await inspectModel(pth(ownStorages(tuned)));
    assert.deepEqual(state.tunedState, { layers: 2, heads: 1, headSize: 2 });
    assert.deepEqual([lora.error, state.error, lora.model, state.model], [undefined, undefined, undefined, undefined]);
  });
});
