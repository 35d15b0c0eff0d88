/** Files of `wkv convert`: the same bits as their source, from one file. */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { convertModel, loadModel, type ModelSource, type WkvErrorCode } from "wkv";
import { PACKED_LAYOUT } from "../../../assembly/abi.ts";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { readGolden } from "../../support/checkpoint-checks.ts";
import { toGguf } from "../../support/convert-gguf.ts";
import { convert, folder, logitsOf, TOKENS } from "../../support/converting.ts";
import { some } from "../../support/effort.ts";
import { type Sample, safetensors } from "../../support/make-checkpoints.ts";
import { list, string } from "../../support/make-gguf.ts";
import { toRwkvCpp } from "../../support/make-rwkvcpp.ts";
import { goldenFolder, missingGolden } from "../../support/missing.ts";
import { committed, committedFolder, ONE_OF_EACH, SMALL, SMALL_IDS, symbol, symbols } from "../../support/models.ts";
import { isQuantised, randomBlocks } from "../../support/random-blocks.ts";
import { refused } from "../../support/refused.ts";
import { float32 } from "../../support/tensor-values.ts";
import { watchThreads } from "../../support/threads.ts";

watchThreads();

/** The header of a safetensors file as it is written. */
function headerOf(bytes: Uint8Array) {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return { length, json: JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) };
}

describe("packed, a model gives the bits of its source", () => {
  async function assertSameBits(source: ModelSource, formats: readonly ("int8" | "f32")[] = ["int8"]): Promise<void> {
    for (const weights of formats)
      assert.deepEqual(await logitsOf(await convert(source, "same", { weights })), await logitsOf(source, weights));
  }

  const plain = readdirSync(committedFolder).filter((name) => /^(s.*|q\d\.(zip\.)?)(pth|safetensors)$/.test(name));
  for (const name of some([...plain, "q6.webrwkv.st", "q7.webrwkv.st"]))
    test(name, () => assertSameBits(committed(name), ["int8", "f32"]));

  for (const name of ["s4.bf16.safetensors", "s50.f32.pth", "q7.zip.pth"])
    test(`${name} in rwkv.cpp's format`, async () => assertSameBits(toRwkvCpp(await readGolden(committed(name)))));

  for (const dtype of ["Q8_0", "Q4_0", "F16"] as const)
    test(`a .gguf of ${dtype}`, async () => {
      const stored = [...(await readGolden(SMALL)).values()].map((sample) =>
        isQuantised(sample) ? randomBlocks(sample, dtype) : sample,
      );
      const named = new Map(stored.map((sample): [string, Sample] => [sample.name, sample]));
      await assertSameBits(toGguf(named, { architecture: "rwkv7", headSize: 64 }));
    });

  test("rwkv.cpp's own files", { skip: missingGolden() }, async () => {
    const tiny = join(goldenFolder, "tiny");
    const names = readdirSync(tiny).filter((name) => /^tiny.*(FP32|Q5_1)\.bin$/.test(name));
    assert.ok(names.length >= 6);
    for (const name of some(names)) await assertSameBits(join(tiny, name));
  });
});

test("every weight begins on a cache line, and other programs can read what is not interleaved", async () => {
  const bytes = readFileSync(await convert(SMALL, "aligned"));
  const { length, json } = headerOf(bytes);
  const { __metadata__: metadata, ...tensors } = json;
  assert.equal((8 + length) % 64, 0);
  for (const { data_offsets: offsets } of Object.values<{ data_offsets: number[] }>(tensors))
    assert.equal(offsets[0]! % 64, 0);
  assert.deepEqual([tensors["emb.weight"].dtype, tensors["emb.weight"].shape], ["F32", [97, 64]]);
  assert.deepEqual([tensors["ln_out.bias"].dtype, tensors["ln_out.bias"].shape], ["F32", [64]]);
  assert.equal(tensors["head.weight"].dtype, "U8");
  assert.equal(metadata["wkv.layout"], String(PACKED_LAYOUT));
  assert.equal(metadata["wkv.weights"], "int8");
});

describe("f16: a plain file under the published names", () => {
  test("a model of f16 keeps its bits, from any orientation", async () => {
    for (const name of ["q6.pth", "q6.webrwkv.st", "q7.webrwkv.st", "s52.f16.pth"]) {
      const half = await convert(committed(name), `${name}.half`, { weights: "f16" });
      for (const weights of ["int8", "f32"] as const)
        assert.deepEqual(await logitsOf(half, weights), await logitsOf(committed(name), weights), name);
    }
  });

  test("it has the names, shapes and values of the published file", async () => {
    const half = await readGolden(await convert(committed("q7.webrwkv.st"), "half", { weights: "f16" }));
    const published = await readGolden(await convert(SMALL, "published", { weights: "f16" }));
    const original = await readGolden(SMALL);
    for (const [name, sample] of half) {
      assert.deepEqual(published.get(name)?.shape, original.get(name)?.shape, name);
      if (sample.dtype === "F16") assert.deepEqual(sample, published.get(name));
    }
  });

  test("every f32 is rounded to the nearest", async () => {
    const whole = await readGolden(SMALL);
    const { name, shape } = whole.get("head.weight")!;
    const tie = 1 + 2 ** -11;
    const values = [
      tie,
      tie + 2 ** -20,
      1 + 3 * 2 ** -11,
      -tie,
      65519.99,
      2 ** -24,
      2 ** -25,
      1.01 * 2 ** -25,
      0.1,
      -0,
    ];
    const expected = [1, 1 + 2 ** -10, 1 + 2 ** -9, -1, 65504, 2 ** -24, 0, 2 ** -24, 0.0999755859375, -0];
    const of = (start: number[]) => float32(name, shape, Object.assign(new Float32Array(97 * 64), start));
    const half = await convert(safetensors([...whole.set(name, of(values)).values()]), "round", { weights: "f16" });
    const exact = await convert(safetensors([...whole.set(name, of(expected)).values()]), "exact", { weights: "f16" });
    assert.deepEqual(readFileSync(half), readFileSync(exact));
    const tooLarge = safetensors([...whole.set(name, of([65520])).values()]);
    await assert.rejects(
      convert(tooLarge, "large", { weights: "f16" }),
      refused("unsupported-model", /head\.weight has the value 65520, beyond the f16 limit of 65504/),
    );
    assert.equal(existsSync(join(folder, "large")), false);
  });

  test("functions of the published values are not taken back", async () => {
    const source = toRwkvCpp(await readGolden(committed("s4.bf16.safetensors")));
    await assert.rejects(
      convert(source, "transformed", { weights: "f16" }),
      refused("unsupported-model", /function of blocks\.0\.att\.time_decay.*or pack it/),
    );
  });
});

describe("the vocabulary is in the file", () => {
  const text = `${symbol(3)}${symbol(1)}`;

  async function assertReads(path: string, kind: string, ids: number[], of = text): Promise<void> {
    const alone = join(mkdtempSync(join(folder, "alone-")), "model.safetensors"); // nothing lies beside it
    copyFileSync(path, alone);
    const model = await loadModel(alone, { threads: 1 });
    try {
      assert.equal(model.tokenizer.kind, kind);
      assert.deepEqual(model.tokenizer.encode(of), ids);
      assert.equal(model.tokenizer.decode(ids), of);
    } finally {
      await model.dispose();
    }
  }

  for (const weights of ["int8", "f32", "f16"] as const)
    test(weights, async () => {
      const path = await convert(SMALL, `vocabulary.${weights}`, { weights, vocab: symbols(SMALL_IDS) });
      await assertReads(path, "symbols", [3, 1]);
    });

  test("found beside the source", async () => {
    const beside = mkdtempSync(join(folder, "beside-"));
    copyFileSync(SMALL, join(beside, "model.pth"));
    writeFileSync(join(beside, "vocab.txt"), symbols(SMALL_IDS));
    const result = await convertModel(join(beside, "model.pth"), join(folder, "found"), { threads: 1 });
    assert.equal(result.tokenizer, "symbols");
    assert.equal(result.bytes, readFileSync(join(folder, "found")).length);
    await assertReads(join(folder, "found"), "symbols", [3, 1]);
  });

  test("out of a .gguf, bytes that are no text included", async () => {
    const tokens = ["<s>", "a", "\\n", "\\xe6\\x97", "\\xa5", "\\xef\\xbb\\xbf", "it's"];
    const gguf = toGguf(await readGolden(SMALL), {
      architecture: "rwkv7",
      headSize: 64,
      metadata: [
        ["tokenizer.ggml.model", string("rwkv")],
        ["tokenizer.ggml.tokens", list(tokens.map(string))],
        [
          "tokenizer.ggml.token_type",
          list([3, 1, 1, 1, 1, 1, 1].map((value) => ({ type: 5, bytes: Uint8Array.of(value, 0, 0, 0) }))),
        ],
      ],
    });
    const path = join(folder, "from.gguf");
    await convertModel(gguf, path, { threads: 1 });
    await assertReads(path, "world", [1, 2, 3, 4, 5, 6], "a\n日\ufeffit's");
  });

  test("bytes, told by the number of rows", async () => {
    const source = syntheticModel({ layers: 1, width: 32, headSize: 32, vocabSize: 256 });
    await convertModel(source, join(folder, "bytes"), { threads: 1 });
    await assertReads(join(folder, "bytes"), "bytes", [97, 195, 169], "aé");
  });

  test("without one, on demand only", async () => {
    await assert.rejects(convertModel(SMALL, join(folder, "none"), {}), refused("bad-vocab", /97 embedding rows/));
    assert.equal(existsSync(join(folder, "none")), false);
    await assert.rejects(
      convert(SMALL, "large", { vocab: symbols(SMALL_IDS + 1) }),
      refused("bad-vocab", /ids up to 97, but the model has only 97 rows/),
    );
  });
});

describe("what was trained on top", () => {
  test("a tuned state goes along, packed or plain", async () => {
    const model = await readGolden(committed("q6.webrwkv.st"));
    const [heads, size] = (await readGolden(committed("q6.pth"))).get("blocks.0.att.time_faaaa")!.shape as [
      number,
      number,
    ];
    const layers = [...model.keys()].filter((name) => name.endsWith(".ln1.weight")).length;
    for (let i = 0; i < layers; i++) {
      const state = Float32Array.from({ length: heads * size * size }, (_, j) => Math.sin(j + i) / 4);
      model.set(`blocks.${i}.att.time_state`, float32(`blocks.${i}.att.time_state`, [heads, size, size], state));
    }
    const tuned = safetensors([...model.values()]);
    const expected = await logitsOf(tuned, "int8");
    assert.notDeepEqual(expected, await logitsOf(committed("q6.webrwkv.st"), "int8"));
    for (const weights of ["int8", "f16"] as const)
      assert.deepEqual(await logitsOf(await convert(tuned, "tuned", { weights }), "int8"), expected, weights);
  });

  test("a LoRA is merged, packed or plain", async () => {
    const lora = safetensors([
      float32(
        "blocks.1.ffn.key.lora_A",
        [2, 64],
        Float32Array.from({ length: 128 }, (_, i) => Math.cos(i) / 8),
      ),
      float32(
        "blocks.1.ffn.key.lora_B",
        [128, 2],
        Float32Array.from({ length: 256 }, (_, i) => Math.sin(i) / 8),
      ),
    ]);
    const options = { lora: [{ source: lora, scale: 0.5 }] };
    const model = await loadModel(SMALL, { threads: 1, vocab: null, ...options });
    const expected = await model.createSession().feed(TOKENS);
    await model.dispose();
    const packed = await convert(SMALL, "lora", options);
    assert.deepEqual(await logitsOf(packed), expected);
    assert.notDeepEqual(await logitsOf(packed), await logitsOf(SMALL));
    const half = await logitsOf(await convert(SMALL, "half", { weights: "f16", ...options }), "int8");
    assert.ok(half.every((logit, i) => Math.abs(logit - expected[i]!) < 0.05));
    await assert.rejects(
      loadModel(packed, { vocab: null, ...options }),
      refused("unsupported-model", /is packed: LoRAs/),
    );
  });
});

describe("what is refused", () => {
  /** A packed file whose header has been changed. */
  function changed(name: string, from: string, to: string): Uint8Array {
    const bytes = readFileSync(join(folder, name));
    const { length } = headerOf(bytes);
    const json = bytes.subarray(8, 8 + length).toString("latin1");
    assert.ok(json.includes(from), from);
    const replaced = Buffer.from(json.replace(from, to).trimEnd().padEnd(length), "latin1");
    return Buffer.concat([bytes.subarray(0, 8), replaced, bytes.subarray(8 + length)]);
  }

  test("another layout, contradictions, a second packing", async () => {
    const path = await convert(SMALL, "packed");
    const cases: [from: string, to: string, code: WkvErrorCode, message: RegExp][] = [
      [
        '"wkv.layout":"1"',
        '"wkv.layout":"0"',
        "unsupported-model",
        /packed by another version .*convert on the original model/,
      ],
      ['"wkv.weights":"int8"', '"wkv.weights":"f32"', "bad-file", /not where its shape requires/],
      ['"wkv.weights":"int8"', '"wkv.weights":"int3"', "bad-file", /wkv\.weights/],
      ["[64]", "[32]", "bad-file", /shape|data_offsets/],
      ['"wkv.tensors":"{', '"wkv.tensors":"[', "bad-file", /wkv\.tensors/],
      ['\\"ln_out.bias\\":[\\"F32\\"', '\\"ln_out.bias\\":[\\"F99\\"', "bad-file", /wkv\.tensors/],
      ['\\"emb.weight\\":[\\"F32\\",[97,64]]', '\\"emb.weight\\":[\\"F32\\",[97000000,64]]', "bad-file", /shape/],
      ['"ln_out.bias":{', '"ln_out.bios":{', "bad-file", /ln_out\.bias is not where/],
    ];
    assert.equal(PACKED_LAYOUT > 0, true);
    for (const [from, to, code, message] of cases)
      await assert.rejects(
        logitsOf(changed("packed", from.replace(':"1"', `:"${PACKED_LAYOUT}"`), to)),
        refused(code, message),
        to,
      );
    await assert.rejects(convert(path, "again"), refused("unsupported-model", /is already packed/));
    await assert.rejects(logitsOf(path, "f32"), refused("unsupported-model", /packed as int8, not as f32/));
    const cut = readFileSync(path).subarray(0, -100);
    await assert.rejects(logitsOf(cut), refused("bad-file", /truncated/));
  });

  test("wrong arguments", async () => {
    await assert.rejects(convert(SMALL, "a", { weights: "int3" as "int8" }), /"weights" expected .*"int8"/);
    await assert.rejects(
      convertModel(SMALL, 5 as unknown as string),
      /"target" expected a path, URL or WritableStream/,
    );
  });
});

test("all four versions, streamed from a page's File", async () => {
  for (const path of ONE_OF_EACH) {
    const packed = new Blob([readFileSync(await convert(path, "blob"))]);
    assert.deepEqual(await logitsOf(packed), await logitsOf(path, "int8"));
  }
});
