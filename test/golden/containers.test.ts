/**
 * Every container × naming scheme × number format: the same logits, bit for bit, as the plain .pth of the same weights.
 * Only rwkv.cpp's files of RWKV-4 and 5, whose decays went through exp() elsewhere, have a limit instead.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { LoadOptions, ModelSource } from "wkv";
import { readGolden } from "../support/checkpoint-checks.ts";
import { toGguf, toSplitGguf } from "../support/convert-gguf.ts";
import { some } from "../support/effort.ts";
import { legacyPth, ownStorages, pth, type Sample, safetensors } from "../support/make-checkpoints.ts";
import {
  toFla,
  toLinearRwkv7,
  toRwkv7ForCausalLM,
  toTransformers,
  toWebRwkv,
  writeFolder,
  writeSharded,
} from "../support/make-hf.ts";
import { toRwkvCpp } from "../support/make-rwkvcpp.ts";
import { committed, load, randomTokens, SMALL_IDS } from "../support/models.ts";
import { isQuantised, randomBlocks } from "../support/random-blocks.ts";
import { randomSamples } from "../support/random-model.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { asDtype, asFloat32 } from "../support/tensor-values.ts";

const folder = tempFolder("containers");

const DTYPES = ["F32", "F16", "BF16"] as const;

/** All formats for the first and the last version, one for those between, which share their names. */
const MODELS: readonly [version: string, file: string, dtypes: readonly (typeof DTYPES)[number][]][] = [
  ["4", "s4.bf16.safetensors", DTYPES],
  ["5.0", "s50.f32.pth", ["F32"]],
  ["5.1", "s51.bf16.pth", ["F16"]],
  ["5.2", "s52.f16.pth", ["F16"]],
  ["6", "q6.pth", ["F16"]],
  ["7", "q7.zip.pth", DTYPES],
];

const BLOCKS = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"] as const;
const K_BLOCKS = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"] as const;

/** Largest difference of logits, as a share of the largest logit. */
const RWKV_CPP_LIMIT = 1e-5;

interface Variant {
  readonly name: string;
  readonly source: () => ModelSource;
}

let folders = 0;

function fresh(): string {
  return join(folder, String(folders++));
}

/** A scheme's tensors in every container that holds names of one's own. */
function containersOf(scheme: string, model: readonly Sample[]): Variant[] {
  const variant = (name: string, source: () => ModelSource) => ({ name: `${scheme}, ${name}`, source });
  return [
    variant(".pth", () => pth(ownStorages(model))),
    variant("legacy .pth", () => legacyPth(ownStorages(model))),
    variant(".safetensors", () => safetensors(model)),
    variant("folder of .safetensors shards", () => writeSharded(fresh(), model, "safetensors")),
    variant("index of .bin shards", () => join(writeSharded(fresh(), model, "bin"), "pytorch_model.bin.index.json")),
    variant("folder with a .bin", () => writeFolder(fresh(), [["pytorch_model.bin", pth(ownStorages(model))]])),
  ];
}

function variantsOf(version: string, model: readonly Sample[], dtype: (typeof DTYPES)[number]): Variant[] {
  const variants = containersOf("published", model);
  if (version === "7") {
    variants.push(
      ...containersOf("Rwkv7ForCausalLM", toRwkv7ForCausalLM(model)),
      ...containersOf("Rwkv7ForCausalLM of linear layers", toLinearRwkv7(model)),
      ...containersOf("fla", toFla(model)),
    );
  } else {
    variants.push(...containersOf("transformers", toTransformers(model)));
  }
  // web-rwkv's converter makes f16, and knows no RWKV-5 whose decays have one value a head.
  if (dtype === "F16" && version !== "5.0" && version !== "5.1")
    variants.push({ name: "web-rwkv, .st", source: () => safetensors(toWebRwkv(model)) });
  return Number(version) < 6 ? variants : [...variants, ...ggufVariants(version, model)];
}

function ggufVariants(version: string, model: readonly Sample[]): Variant[] {
  const architecture = version === "7" ? "rwkv7" : "rwkv6";
  const options = { architecture, headSize: version === "7" ? 64 : 32 } as const;
  return [
    { name: "llama.cpp, .gguf", source: () => toGguf(byName(model), options) },
    { name: "llama.cpp, split .gguf", source: () => writeParts(toSplitGguf(byName(model), options, 3))[0]! },
    { name: "llama.cpp, last part of a .gguf", source: () => writeParts(toSplitGguf(byName(model), options, 2))[1]! },
    { name: "rwkv.cpp, .bin", source: () => toRwkvCpp(byName(model)) },
  ];
}

function writeParts(parts: readonly Uint8Array[]): string[] {
  const place = writeFolder(fresh(), []);
  const digits = (number: number) => String(number).padStart(5, "0");
  return parts.map((bytes, i) => {
    const path = join(place, `model-${digits(i + 1)}-of-${digits(parts.length)}.gguf`);
    writeFileSync(path, bytes);
    return path;
  });
}

function byName(model: readonly Sample[]): Map<string, Sample> {
  return new Map(model.map((sample) => [sample.name, sample]));
}

async function logitsOf(source: ModelSource, version?: string, groupNormEps = 64e-5): Promise<Float32Array> {
  return logitsWith({ vocab: null, groupNormEps }, source, version);
}

async function logitsWith(options: LoadOptions, source: ModelSource, version?: string): Promise<Float32Array> {
  const model = await load(source, options);
  try {
    if (version) assert.equal(model.info.version, version);
    const tokens = randomTokens(12, Math.min(SMALL_IDS, model.info.vocabSize));
    const logits = await model.createSession().feed(tokens);
    assert.ok(logits.every(Number.isFinite));
    return logits;
  } finally {
    await model.dispose();
  }
}

for (const [version, file, dtypes] of MODELS)
  for (const dtype of dtypes)
    describe(`RWKV-${version} of ${dtype}`, async () => {
      const model = [...(await readGolden(committed(file))).values()].map((sample) => asDtype(sample, dtype));
      const expected = await logitsOf(pth(ownStorages(model)), version);
      for (const { name, source } of some(variantsOf(version, model, dtype)))
        test(name, async () => assert.deepEqual(await logitsOf(source(), version), expected));
      if (Number(version) >= 6 || dtype === "BF16") return;
      test("rwkv.cpp, .bin", async () => {
        const actual = await logitsOf(toRwkvCpp(byName(model)));
        const largest = expected.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
        for (const [i, logit] of expected.entries())
          assert.ok(Math.abs(actual[i]! - logit) <= RWKV_CPP_LIMIT * largest, `${actual[i]} instead of ${logit}`);
      });
    });

test("an epsilon in a config.json is that of the groups", async () => {
  const model = [...(await readGolden(committed("q7.zip.pth"))).values()];
  const withEps = (name: string, eps: object) =>
    writeFolder(join(folder, name), [
      ["model.safetensors", safetensors(toLinearRwkv7(model))],
      ["config.json", JSON.stringify({ model_type: "rwkv7", layer_norm_epsilon: 1e-5, ...eps })],
    ]);
  const given = withEps("given", { group_norm_epsilon: 1e-2 });
  const usual = withEps("usual", { group_norm_epsilon: 64e-5 });
  const plain = pth(ownStorages(model));
  assert.deepEqual(await logitsWith({ vocab: null }, given), await logitsOf(plain, "7", 1e-2));
  assert.deepEqual(await logitsWith({ vocab: null }, usual), await logitsOf(plain, "7"));
  assert.notDeepEqual(await logitsOf(plain, "7", 1e-2), await logitsOf(plain, "7"));
});

describe("quantised blocks give the bits of their values as float32", async () => {
  const small = [...(await readGolden(committed("q7.zip.pth"))).values()];
  // K-quants take 256 columns at a time.
  const wide = randomSamples({ width: 256, layers: 2, headSize: 64, vocabSize: 97 });
  const options = { architecture: "rwkv7", headSize: 64 } as const;
  for (const [dtypes, model] of [
    [BLOCKS, small],
    [K_BLOCKS, wide],
  ] as const)
    for (const dtype of some(dtypes))
      test(`${dtype}, .gguf and split .gguf`, async () => {
        const isStored = (sample: Sample) => isQuantised(sample) || /^(emb|head)\./.test(sample.name);
        const stored = model.map((sample) => (isStored(sample) ? randomBlocks(sample, dtype) : sample));
        const expected = await logitsOf(pth(ownStorages(stored.map(asFloat32))));
        assert.deepEqual(await logitsOf(toGguf(byName(stored), options)), expected);
        assert.deepEqual(await logitsOf(writeParts(toSplitGguf(byName(stored), options, 4))[0]!), expected);
      });
});
