/** LoRAs merged while a model is loaded, against models whose weights were merged here, value by value, in f32. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type LoadOptions, type LoraOptions, type ModelSource, WkvError } from "wkv";
import { readGolden } from "../../support/checkpoint-checks.ts";
import { runProgram } from "../../support/cli-program.ts";
import { toGguf } from "../../support/convert-gguf.ts";
import { some } from "../../support/effort.ts";
import { ownStorages, pth, type Sample, safetensors } from "../../support/make-checkpoints.ts";
import { toFla, toWebRwkv, writeFolder } from "../../support/make-hf.ts";
import { committed, load, randomTokens, SMALL, SMALL_IDS } from "../../support/models.ts";
import { random } from "../../support/random.ts";
import { isQuantised, randomBlocks } from "../../support/random-blocks.ts";
import { randomSamples } from "../../support/random-model.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { asDtype, asFloat32, float32, values } from "../../support/tensor-values.ts";

const folder = tempFolder("lora");

type Model = Map<string, Sample>;

const small: Model = await readGolden(SMALL);
const TARGETS = [
  "blocks.0.att.receptance.weight",
  "blocks.1.att.value.weight",
  "blocks.1.ffn.key.weight",
  "head.weight",
];

/** A pair for each target, as RWKV's trainers name them: A [rank, columns], B [rows, rank]. */
function loraFor(model: Model, rank: number, targets: readonly string[] = TARGETS): Sample[] {
  const next = random(rank);
  const tensor = (name: string, shape: number[]) =>
    float32(
      name,
      shape,
      Float32Array.from({ length: shape[0]! * shape[1]! }, () => (next(2001) - 1000) / 10_000),
    );
  return targets.flatMap((target) => {
    const [rows, cols] = model.get(target)!.shape as [number, number];
    const base = target.replace(/\.weight$/, "");
    return [tensor(`${base}.lora_A`, [rank, cols]), tensor(`${base}.lora_B`, [rows, rank])];
  });
}

/** W + factor · B A: one rank after the other, each product and sum rounded to f32. */
function merged(model: Model, lora: readonly Sample[], factor: number): Model {
  const result = new Map(model);
  for (const a of lora.filter(({ name }) => name.endsWith(".lora_A"))) {
    const target = a.name.replace(/\.lora_A$/, ".weight");
    const b = lora.find(({ name }) => name === a.name.replace(/A$/, "B"))!;
    const w = values(asFloat32(result.get(target)!)).slice();
    const [av, bv] = [values(a), values(b)];
    const [rank, cols] = a.shape as [number, number];
    for (let i = 0; i < w.length; i++)
      for (let k = 0; k < rank; k++) {
        const scaled = Math.fround(factor * bv[Math.floor(i / cols) * rank + k]!);
        w[i] = w[i]! + Math.fround(scaled * av[k * cols + (i % cols)]!);
      }
    result.set(target, float32(target, result.get(target)!.shape, w));
  }
  return result;
}

function fileOf(model: Model | readonly Sample[]): Uint8Array {
  return pth(ownStorages([...model.values()]));
}

async function logits(source: ModelSource, lora: LoraOptions[] = [], options: LoadOptions = {}): Promise<Float32Array> {
  const model = await load(source, { vocab: null, lora, ...options });
  try {
    return await model.createSession().feed(randomTokens(9, SMALL_IDS));
  } finally {
    await model.dispose();
  }
}

describe("a merged LoRA gives the bits of the merged weights", () => {
  for (const weights of some(["f32", "int8"] as const))
    for (const rank of [1, 8, 200])
      test(`rank ${rank}, ${weights}`, async () => {
        const lora = loraFor(small, rank);
        const expected = await logits(fileOf(merged(small, lora, 0.5)), [], { weights });
        assert.deepEqual(
          await logits(SMALL, [{ source: fileOf(lora), scale: 0.5 }], { weights, threads: 2 }),
          expected,
        );
        assert.notDeepEqual(await logits(SMALL, [], { weights }), expected);
      });

  test("alpha and scale: scale · alpha / rank", async () => {
    const lora = loraFor(small, 8);
    const expected = await logits(fileOf(merged(small, lora, (0.5 * 16) / 8)));
    assert.deepEqual(await logits(SMALL, [{ source: fileOf(lora), scale: 0.5, alpha: 16 }]), expected);
    assert.deepEqual(await logits(SMALL, [{ source: fileOf(lora) }]), expected);
    assert.deepEqual(await logits(SMALL, [{ source: fileOf(lora), scale: 0 }]), await logits(SMALL));
  });

  test("in bfloat16, in web-rwkv's .st and in PEFT's folder", async () => {
    const lora = loraFor(small, 4).map((sample) => asDtype(sample, "F16"));
    const expected = await logits(fileOf(merged(small, lora.map(asFloat32), 2)));
    assert.deepEqual(await logits(SMALL, [{ source: safetensors(toWebRwkv(lora)), scale: 2 }]), expected);
    const brain = loraFor(small, 4).map((sample) => asDtype(sample, "BF16"));
    const same = await logits(SMALL, [{ source: fileOf(brain.map(asFloat32)) }]);
    assert.deepEqual(await logits(SMALL, [{ source: fileOf(brain) }]), same);
    // PEFT on flash-linear-attention's model: its names, with alpha in a file of its own.
    const peftName = (name: string) => {
      const target = toFla([float32(name.replace(/\.lora_.$/, ".weight"), [1], [0])])[0]!.name;
      return `base_model.model.${target.replace(/weight$/, name.slice(-6))}.weight`;
    };
    const renamed = lora.map((sample) => ({ ...sample, name: peftName(sample.name) }));
    const peft = writeFolder(join(folder, "peft"), [
      ["adapter_model.safetensors", safetensors(renamed)],
      ["adapter_config.json", JSON.stringify({ peft_type: "LORA", r: 4, lora_alpha: 8 })],
    ]);
    assert.deepEqual(await logits(SMALL, [{ source: peft }]), expected);
    assert.deepEqual(
      await logits(SMALL, [{ source: peft, alpha: 4 }]),
      await logits(fileOf(merged(small, lora.map(asFloat32), 1))),
    );
  });

  test("one after the other, and PiSSA as its first pair taken away and its last one added", async () => {
    const [first, last] = [loraFor(small, 8), loraFor(small, 3, TARGETS.slice(1))];
    const expected = await logits(fileOf(merged(merged(small, first, -1), last, 1)));
    const init = first.map((sample) => ({ ...sample, name: sample.name.replace("lora_", "init_lora_") }));
    assert.deepEqual(await logits(SMALL, [{ source: fileOf(init), scale: -1 }, { source: fileOf(last) }]), expected);
  });

  test("whole tensors take the place of the model's", async () => {
    const names = ["blocks.0.ln1.weight", "blocks.1.att.x_r", "blocks.1.att.w1"];
    const whole = names.map((name) =>
      float32(
        name,
        small.get(name)!.shape,
        values(small.get(name)!).map((v) => v * 1.5),
      ),
    );
    const lora = loraFor(small, 2);
    const expected = merged(small, lora, 0.25);
    for (const sample of whole) expected.set(sample.name, sample);
    const source = fileOf([...lora, ...whole]);
    assert.deepEqual(await logits(SMALL, [{ source, scale: 0.25 }]), await logits(fileOf(expected)));
  });

  for (const dtype of ["Q8_0", "Q4_K", "Q6_K"] as const)
    test(`into ${dtype} of a .gguf: from its exact values`, async () => {
      const options = { architecture: "rwkv7", headSize: 64 } as const;
      const wide = randomSamples({ width: 256, layers: 2, headSize: 64, vocabSize: 97 });
      const stored: Model = new Map(
        wide.map((sample) => [sample.name, isQuantised(sample) ? randomBlocks(sample, dtype) : sample]),
      );
      const lora = loraFor(stored, 4);
      for (const weights of ["f32", "int8"] as const) {
        // What no LoRA changes keeps its own blocks, which are packed exactly where they are Q8_0.
        const expected = await logits(toGguf(merged(stored, lora, 1), options), [], { weights });
        assert.deepEqual(await logits(toGguf(stored, options), [{ source: fileOf(lora) }], { weights }), expected);
      }
    });

  test("RWKV-4, 5 and 6", async () => {
    for (const file of ["s4.bf16.safetensors", "s52.f16.pth", "q6.pth"]) {
      const model = await readGolden(committed(file));
      const lora = loraFor(model, 4, ["blocks.0.att.key.weight", "blocks.1.ffn.receptance.weight"]);
      const expected = await logits(fileOf(merged(model, lora, 1)));
      assert.deepEqual(await logits(committed(file), [{ source: fileOf(lora) }]), expected, file);
    }
  });
});

describe("what cannot be merged is refused", () => {
  const lora = loraFor(small, 4);
  const renamed = (from: RegExp, to: string) =>
    lora.map((sample) => ({ ...sample, name: sample.name.replace(from, to) }));
  const vector = (name: string) => [...lora, float32(name, [4], [1, 2, 3, 4])];
  const cases: [what: string, samples: readonly Sample[], code: string, message: RegExp][] = [
    ["half a pair", lora.slice(1), "bad-file", /A \[missing\] and B \[64,4\]/],
    ["another model's", renamed(/^blocks\.1/, "blocks.7"), "bad-file", /no such tensor there/],
    ["another width", lora.map((s) => ({ ...s, shape: s.shape.toReversed() })), "bad-file", /belongs to another model/],
    ["of the embedding", renamed(/^head\./, "emb."), "bad-file", /matrices of att, ffn and head/],
    ["of a low-rank matrix", renamed(/att\.value/, "att.w1"), "bad-file", /no such tensor there/],
    ["a tensor without a place", vector("blocks.0.att.bias"), "bad-file", /att\.bias" \[4\] does not exist/],
    ["Bone", vector("blocks.0.att.key.bone"), "unsupported-model", /is Bone.*merges only LoRA/],
    ["DiSHA", vector("blocks.0.att.key.disha"), "unsupported-model", /is DiSHA \(MiSS\)/],
    ["DoRA", vector("blocks.0.att.key.lora_magnitude_vector.weight"), "unsupported-model", /is DoRA/],
    ["LoHa", vector("blocks.0.att.key.hada_w1_a"), "unsupported-model", /an adapter other than LoRA/],
    ["a model", [...small.values(), float32("blocks.9.x", [1], [1])], "bad-file", /blocks\.9\.x/],
  ];
  for (const [what, samples, code, message] of cases)
    test(what, async () => {
      const loading = logits(SMALL, [{ source: fileOf(samples) }]);
      await assert.rejects(loading, (error: unknown) => {
        assert.ok(error instanceof WkvError, String(error));
        assert.match(error.message, message);
        assert.equal(error.code, code, error.message);
        return true;
      });
    });

  test("wrong arguments are named", async () => {
    const source = fileOf(lora);
    await assert.rejects(logits(SMALL, [{ source, scale: Number.NaN }]), /"scale" expected a finite number/);
    await assert.rejects(logits(SMALL, [{ source, alpha: 0 }]), /"alpha" expected a number above 0/);
    await assert.rejects(logits(SMALL, {} as never), /"lora" expected a list/);
    await assert.rejects(logits(SMALL, [{ source: join(folder, "none.pth") }]), /none\.pth does not exist/);
  });
});

test("wkv run --lora FILE:scale --lora-alpha", async () => {
  const lora = loraFor(small, 8);
  const path = join(folder, "my:lora.pth");
  writeFileSync(path, fileOf(lora));
  const common = ["run", SMALL, "--tokens", "7,8", "--logits", "--json", "--weights", "f32"];
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runProgram([...common, ...args], folder);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const half = await run("--lora", `${path}:0.5`);
  assert.deepEqual(await run("--lora", `${path}:0.25`, "--lora-alpha", "16"), half);
  assert.deepEqual(await run("--lora", `${path}:5e-1`), half);
  assert.notDeepEqual(await run("--lora", path), half);
  assert.notDeepEqual(await run(), half);
});
