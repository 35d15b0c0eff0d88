/** GGUF files of `wkv convert`: read back, they give the bits of their source. llama.test.ts asks llama.cpp. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type ConvertOptions, convertModel, loadModel, type ModelSource, type Tokenizer } from "wkv";
import { embeddedTokens } from "../../../host/tokenizer/embed.ts";
import { readGolden } from "../../support/checkpoint-checks.ts";
import { toGguf } from "../../support/convert-gguf.ts";
import { folder, logitsOf, TOKENS } from "../../support/converting.ts";
import { type Sample, safetensors } from "../../support/make-checkpoints.ts";
import { string } from "../../support/make-gguf.ts";
import { committed, SMALL, SMALL_IDS, symbol, symbols } from "../../support/models.ts";
import { isQuantised, randomBlocks } from "../../support/random-blocks.ts";
import { refused } from "../../support/refused.ts";
import { asDtype, asFloat32, float32 } from "../../support/tensor-values.ts";
import { watchThreads } from "../../support/threads.ts";

watchThreads();

async function ggufOf(source: ModelSource, options: ConvertOptions = {}): Promise<string> {
  const path = join(folder, "model.gguf");
  await convertModel(source, path, { vocab: null, threads: 2, ...options });
  return path;
}

const MODELS = [
  { file: "q6.pth", architecture: "rwkv6", headSize: 32 },
  { file: "q7.zip.pth", architecture: "rwkv7", headSize: 64 },
] as const;

async function samplesOf(file: string, change: (sample: Sample) => Sample): Promise<Map<string, Sample>> {
  const golden = await readGolden(committed(file));
  return new Map([...golden].map(([name, sample]) => [name, change(sample)]));
}

for (const { file, ...options } of MODELS)
  describe(`${file} as .gguf gives the bits of its source`, () => {
    test("F32", async () => {
      assert.deepEqual(
        await logitsOf(await ggufOf(committed(file), { weights: "f32" }), "f32"),
        await logitsOf(committed(file), "f32"),
      );
    });

    test("F16", async () => {
      const halves = await samplesOf(file, (sample) => (isMatrix(sample) ? asDtype(sample, "F16") : asFloat32(sample)));
      const source = safetensors([...halves.values()]);
      assert.deepEqual(await logitsOf(await ggufOf(source, { weights: "f16" }), "f32"), await logitsOf(source, "f32"));
    });

    for (const [dtype, weights] of [
      ["Q8_0", "int8"],
      ["Q4_0", "int4"],
    ] as const)
      test(dtype, async () => {
        const stored = await samplesOf(file, (sample) => {
          if (isQuantised(sample)) return randomBlocks(sample, dtype);
          return sample.name === "emb.weight" ? randomBlocks(sample, "Q8_0") : asFloat32(sample);
        });
        const source = toGguf(stored, options);
        const path = await ggufOf(source, { weights });
        assert.deepEqual(await logitsOf(path, weights), await logitsOf(source, weights));
      });
  });

function isMatrix({ name, shape }: Sample): boolean {
  return shape.length === 2 && name.endsWith(".weight");
}

test("a LoRA is merged, with the bits that loading it gives", async () => {
  const pair = (letter: string, shape: number[]) => {
    const values = Float32Array.from({ length: shape[0]! * shape[1]! }, (_, i) => Math.sin(i * 1.7) / 8);
    return float32(`blocks.1.ffn.key.lora_${letter}`, shape, values);
  };
  const lora = [{ source: safetensors([pair("A", [3, 64]), pair("B", [128, 3])]), scale: 0.3 }];
  const model = await loadModel(SMALL, { threads: 1, vocab: null, weights: "f32", lora });
  const expected = await model.createSession().feed(TOKENS);
  await model.dispose();
  assert.deepEqual(await logitsOf(await ggufOf(SMALL, { weights: "f32", lora }), "f32"), expected);
  assert.notDeepEqual(await logitsOf(SMALL, "f32"), expected);
  const packed = await loadModel(SMALL, { threads: 1, vocab: null, lora });
  const rounded = await packed.createSession().feed(TOKENS);
  await packed.dispose();
  const source = await samplesOf("q7.zip.pth", (sample) => sample);
  const withLora = await ggufOf(safetensors([...source.values()]), { lora });
  // The embedding alone is rounded.
  const errors = (await logitsOf(withLora, "int8")).map((logit, i) => Math.abs(logit - rounded[i]!));
  assert.ok(Math.max(...errors) < 0.2, String(Math.max(...errors)));
});

describe("beside the weights", () => {
  test("a vocabulary of any bytes, and the chat template", async () => {
    const lines = ["1 '\\x00' 1", `2 "it's" 4`, "3 'a\\\\b' 3", "4 b'\\xff\\xfe' 2", "5 '\\n\\n' 2", "6 'ü\\t' 3"];
    const vocab = new TextEncoder().encode(`${lines.join("\n")}\n`);
    const source = toGguf(await samplesOf("q7.zip.pth", asFloat32), {
      architecture: "rwkv7",
      headSize: 64,
      metadata: [["tokenizer.chat_template", string("{{ messages[0].content }}")]],
    });
    const path = await ggufOf(source, { vocab });
    const [before, after] = await Promise.all([
      loadModel(source, { vocab, threads: 1 }),
      loadModel(path, { threads: 1 }),
    ]);
    for (let id = 0; id < 97; id++)
      assert.deepEqual(after.tokenizer.decodeBytes([id]), before.tokenizer.decodeBytes([id]), `token ${id}`);
    assert.equal(after.tokenizer.endOfText, 0);
    assert.equal(after.info.chatTemplate, "{{ messages[0].content }}");
    await before.dispose();
    await after.dispose();
  });

  test("symbols, which the longest match finds, too", async () => {
    const model = await loadModel(await ggufOf(SMALL, { vocab: symbols(SMALL_IDS) }), { threads: 1 });
    assert.deepEqual(model.tokenizer.encode(symbol(7) + symbol(96)), [7, 96]);
    await model.dispose();
  });

  test("without a vocabulary there is none", async () => {
    const model = await loadModel(await ggufOf(SMALL), { threads: 1 });
    assert.throws(() => model.tokenizer, refused("bad-vocab", /97/));
    await model.dispose();
  });
});

test("what cannot be a GGUF is refused, and no file is there", async () => {
  await assert.rejects(ggufOf(committed("s4.bf16.safetensors")), refused("unsupported-model", /RWKV-6 and 7 only/));
  await assert.rejects(ggufOf(SMALL, { groupNormEps: 1e-5 }), refused("unsupported-model", /64e-5|0\.00064/));
  assert.throws(() => embeddedTokens({ kind: "neox" } as Tokenizer, 97), refused("bad-vocab", /merges/));
  await assert.rejects(ggufOf(SMALL, { format: "ggml" as "gguf" }), /"format" expected/);
});

test("a stream gets a GGUF when it asks for one", async () => {
  const chunks: Uint8Array[] = [];
  const target = new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk) });
  const { bytes } = await convertModel(SMALL, target, { vocab: null, format: "gguf", weights: "f16", threads: 1 });
  const file = new Blob(chunks as Uint8Array<ArrayBuffer>[]);
  assert.equal(file.size, bytes);
  assert.equal(await file.slice(0, 4).text(), "GGUF");
  await (await loadModel(file, { vocab: null, threads: 1 })).dispose();
});
