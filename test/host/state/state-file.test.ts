/** Saved states: whose they are, what else they may be loaded into, and what is said about the rest. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { Model } from "wkv";
import { openBytes, readAll, readGolden } from "../../support/checkpoint-checks.ts";
import { toGguf } from "../../support/convert-gguf.ts";
import { type Sample, safetensors } from "../../support/make-checkpoints.ts";
import { toRwkvCpp } from "../../support/make-rwkvcpp.ts";
import { committed, committedFolder, load, ONE_OF_EACH, randomTokens, SMALL, SMALL_IDS } from "../../support/models.ts";
import { isQuantised, randomBlocks } from "../../support/random-blocks.ts";
import { refused } from "../../support/refused.ts";
import { values } from "../../support/tensor-values.ts";

const TEXT = randomTokens(40, SMALL_IDS);

let model: Model;
let saved: Uint8Array;
before(async () => {
  model = await load(SMALL);
  saved = await stateOf(model);
});
after(() => model.dispose());

async function stateOf(model: Model): Promise<Uint8Array> {
  const session = model.createSession();
  await session.feed(TEXT);
  return session.save();
}

/** Loads a model, opens the state with it and tells what the session says about it. */
async function warningsOf(source: Uint8Array | string, state: Uint8Array, options = {}): Promise<readonly string[]> {
  const other = await load(source, options);
  try {
    const session = other.createSession(state);
    assert.equal((await session.feed([1])).length, other.info.vocabSize);
    return session.warnings;
  } finally {
    await other.dispose();
  }
}

type Header = Record<string, Record<string, unknown>>;

/** The file with another header: the one that is returned, or else the one that was changed. */
function withHeader(bytes: Uint8Array, change: (header: Header) => unknown): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const text = new TextEncoder().encode(JSON.stringify(change(header) ?? header));
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(text.length), true);
  return Uint8Array.from([...prefix, ...text, ...bytes.subarray(8 + length)]);
}

describe("the file", () => {
  for (const path of ONE_OF_EACH)
    test(`of ${path.replace(/.*\//, "")} is a .safetensors file, which names what it holds`, async () => {
      const one = await load(path);
      const tensors = await readAll(await openBytes(await stateOf(one)));
      const { layers, width, headSize, vocabSize } = one.info;
      const inner = headSize ? ["att.state"] : ["att.aa", "att.bb", "att.pp"];
      const names = Array.from({ length: layers }, (_, i) =>
        ["ffn.x_prev", "att.x_prev", ...inner].map((name) => `blocks.${i}.${name}`),
      );
      assert.deepEqual([...tensors.keys()], [...names.flat(), "logits"]);
      for (const { name, shape } of tensors.values())
        if (name.endsWith("x_prev")) assert.deepEqual(shape, [width]);
        else if (name.endsWith("att.state")) assert.deepEqual(shape, [width / headSize, headSize, headSize]);
        else if (name === "logits") assert.deepEqual(shape, [vocabSize]);
      assert.deepEqual(values(tensors.get("logits")!), await one.createSession().feed(TEXT));
      await one.dispose();
    });

  test("is no model, and says so", async () => {
    await assert.rejects(load(saved), /it is a saved session: load it with --state or createSession/);
  });

  test("may be written anew by a program that sorts its tensors", async () => {
    const tensors = [...(await readAll(await openBytes(saved))).values()].reverse();
    let metadata: unknown;
    withHeader(saved, (header) => {
      metadata = header.__metadata__;
    });
    const sorted = withHeader(safetensors(tensors), (header) => ({ ...header, __metadata__: metadata }));
    assert.deepEqual(await model.createSession(sorted).save(), saved);
  });

  test("cut off at any place, or too long, is refused", () => {
    for (let i = 1; i < 64; i++) {
      const part = saved.subarray(0, Math.floor((saved.length * i) / 64));
      assert.throws(
        () => model.createSession(part),
        refused("bad-state", /truncated or damaged/),
        `${part.length} bytes`,
      );
    }
    assert.throws(
      () => model.createSession(Uint8Array.from([...saved, 0, 0, 0, 0])),
      refused("bad-state", /truncated or damaged/),
    );
  });

  test("with a header that lies is refused", () => {
    const name = "blocks.0.att.state";
    const lies: ((tensor: Record<string, unknown>) => unknown)[] = [
      (tensor) => ({ ...tensor, dtype: "F16" }),
      (tensor) => ({ ...tensor, shape: [64, 64] }),
      (tensor) => ({ ...tensor, data_offsets: [0, 2 ** 40] }),
      (tensor) => ({ ...tensor, data_offsets: [-4, 16380] }),
      (tensor) => ({ ...tensor, data_offsets: ["0", "16384"] }),
      (tensor) => ({ ...tensor, data_offsets: null }),
      () => null,
      () => undefined,
    ];
    for (const lie of lies) {
      const file = withHeader(saved, (header) => ({ ...header, [name]: lie(header[name]!) }));
      assert.throws(() => model.createSession(file), refused("bad-state", /truncated or damaged/), String(lie));
    }
    const more = withHeader(saved, (header) => ({ ...header, more: header[name] }));
    assert.throws(() => model.createSession(more), refused("bad-state", /truncated or damaged/));
  });

  test("that is none is refused", () => {
    const others = [0, 7, 31, 4096].map((length) => new Uint8Array(length));
    const headers = [[], 1, "text", {}, { __metadata__: null }, { __metadata__: { format: "pt" } }];
    for (const bytes of [...others, ...headers.map((header) => withHeader(saved, () => header))])
      assert.throws(() => model.createSession(bytes), refused("bad-state", /not a saved state/));
    assert.throws(() => model.createSession("state" as unknown as Uint8Array), TypeError);
  });

  test("of layout 1, or of one to come, is refused with what to do", () => {
    const early = new Uint8Array(64);
    new DataView(early.buffer).setUint32(0, 0x73766b77, true);
    assert.throws(() => model.createSession(early), refused("bad-state", /early wkv.*feed the text again/));
    const later = withHeader(saved, (header) => void (header.__metadata__!.layout = "3"));
    assert.throws(() => model.createSession(later), refused("bad-state", /has layout 3.*read it with the version/));
  });
});

describe("another model's state is refused, with the difference:", () => {
  const differences: [key: string, value: string, message: RegExp][] = [
    ["version", "5.2", /RWKV version is 5\.2, this model's is 7/],
    ["layers", "12", /number of layers is 12, this model's is 2/],
    ["width", "768", /width is 768, this model's is 64/],
    ["headSize", "32", /head size is 32, this model's is 64/],
    ["vocabSize", "65536", /vocabulary size is 65536, this model's is 97/],
    ["norms", "0123456789abcdef", /hash of the layer norms .* is 0123456789abcdef, this model's is [0-9a-f]{16}\./],
    ["layers", "many", /number of layers is NaN/],
  ];
  for (const [key, value, message] of differences)
    test(`${key} ${value}`, () => {
      const other = withHeader(saved, (header) => void (header.__metadata__![key] = value));
      assert.throws(() => model.createSession(other), refused("bad-state", message));
    });

  test("real models", async () => {
    for (const [path, message] of [
      ["q6.pth", /RWKV version is 7, this model's is 6/],
      ["s51.bf16.pth", /RWKV version is 7, this model's is 5\.1/],
    ] as const)
      await assert.rejects(warningsOf(committed(path), saved), refused("bad-state", message));
  });

  test("a model that was trained on", async () => {
    const tensors = [...(await readGolden(SMALL)).values()].map((sample) =>
      sample.name === "blocks.1.ln2.bias" ? nudged(sample) : sample,
    );
    await assert.rejects(
      warningsOf(safetensors(tensors), saved),
      refused("bad-state", /shapes are equal, the weights are not/),
    );
  });
});

describe("the same model's state is accepted", () => {
  test("from every container and number format", async () => {
    const files = readdirSync(committedFolder).filter((name) => /^q7\.\w+\.(pth|st|safetensors)$/.test(name));
    assert.ok(files.length >= 7);
    for (const file of files) assert.deepEqual(await warningsOf(committed(file), saved), [], file);
    const tensors = await readGolden(SMALL);
    assert.deepEqual(await warningsOf(toGguf(tensors, { architecture: "rwkv7", headSize: 64 }), saved), []);
    assert.deepEqual(await warningsOf(toRwkvCpp(tensors), saved), []);
  });

  test("of RWKV-6 too, which GGUF stores otherwise", async () => {
    const six = await load(committed("q6.pth"));
    const state = await stateOf(six);
    await six.dispose();
    const tensors = await readGolden(committed("q6.pth"));
    for (const source of [
      committed("q6.webrwkv.st"),
      toGguf(tensors, { architecture: "rwkv6", headSize: 32 }),
      toGguf(tensors, { architecture: "rwkv6", headSize: 32, fused: false }),
      toRwkvCpp(tensors),
    ])
      assert.deepEqual(await warningsOf(source, state), []);
  });

  test("on other threads without a word", async () => {
    assert.deepEqual(await warningsOf(SMALL, saved, { threads: 3 }), []);
  });

  test("in another weight format, with a warning", async () => {
    const [warning, ...more] = await warningsOf(SMALL, saved, { weights: "int8" });
    assert.match(warning ?? "", /made with f32 weights, and this model has int8/);
    assert.deepEqual(more, []);
  });

  test("from another file of it, quantised or fine-tuned, with a warning", async () => {
    const tensors = [...(await readGolden(SMALL)).values()];
    const quantised = tensors.map((sample) => (isQuantised(sample) ? randomBlocks(sample, "Q8_0") : sample));
    const gguf = toGguf(new Map(quantised.map((sample) => [sample.name, sample])), {
      architecture: "rwkv7",
      headSize: 64,
    });
    const tuned = tensors.map((sample) => (sample.name.endsWith("ffn.value.weight") ? nudged(sample) : sample));
    for (const source of [gguf, safetensors(tuned)]) {
      const warnings = await warningsOf(source, saved);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /another file of this model, quantised differently or fine-tuned/);
    }
  });

  test("and what it is saved as then is the new model's", async () => {
    const other = await load(SMALL, { weights: "int8" });
    const again = await other.createSession(saved).save();
    assert.deepEqual(other.createSession(again).warnings, []);
    assert.equal(model.createSession(again).warnings.length, 1);
    await other.dispose();
  });
});

/** A tensor of float32 with another first value. */
function nudged(sample: Sample): Sample {
  assert.equal(sample.dtype, "F32");
  const bytes = sample.bytes.slice();
  const view = new DataView(bytes.buffer);
  view.setFloat32(0, view.getFloat32(0, true) + 0.01, true);
  return { ...sample, bytes };
}
