/** Files that are no model, no whole model, or not one that we run: a WkvError that says so, and nothing left behind. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { before, describe, test } from "node:test";
import { type ModelSource, WkvError, type WkvErrorCode } from "wkv";
import { readGolden } from "../../support/checkpoint-checks.ts";
import { some } from "../../support/effort.ts";
import { type Sample, safetensors } from "../../support/make-checkpoints.ts";
import { toFla, toRwkv7ForCausalLM, writeFolder } from "../../support/make-hf.ts";
import { toRwkvCpp } from "../../support/make-rwkvcpp.ts";
import { committed, load, ONE_OF_EACH, SMALL } from "../../support/models.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { float32 } from "../../support/tensor-values.ts";
import { watchThreads } from "../../support/threads.ts";

watchThreads();

const folder = tempFolder("files");

async function assertRefused(source: ModelSource, codes: readonly WkvErrorCode[], message: RegExp): Promise<void> {
  const loading = load(source, { threads: 2 });
  await assert.rejects(loading, (error: unknown) => {
    assert.ok(error instanceof WkvError, String(error));
    assert.match(error.message, message);
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
    return true;
  });
}

function write(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe("no model", () => {
  test("nothing there", async () => assertRefused(join(folder, "none.pth"), ["not-found"], /none\.pth does not exist/));
  test("a directory", async () => assertRefused(folder, ["bad-file"], /is a directory: give the model file/));
  test("an empty file", async () => assertRefused(write("empty.pth", ""), ["bad-file"], /empty\.pth is empty/));
  test("no bytes", async () => assertRefused(new Uint8Array(0), ["bad-file", "unknown-format"], /empty/));
  test("a text", async () => assertRefused(write("notes.txt", "Dear diary,\n"), ["unknown-format"], /notes\.txt/));
  test("an address", async () => assertRefused("http://127.0.0.1:1/a.pth", ["network"], /a\.pth cannot be fetched/));
});

describe("cut off at 32 places", () => {
  for (const file of ["q7.zip.pth", "q7.legacy.pth", "q7.unaligned.safetensors", "q7.webrwkv.st"])
    test(file, async () => cutOff(file, new Uint8Array(readFileSync(committed(file)))));
  test("q7.bin", async () => cutOff("q7.bin", toRwkvCpp(await readGolden(SMALL))));
});

async function cutOff(name: string, whole: Uint8Array): Promise<void> {
  for (let i = 0; i < 32; i++) {
    const path = write(`${i} of 32 of ${name}`, whole.subarray(0, Math.floor((i * whole.length) / 32)));
    await assertRefused(path, ["bad-file", "unknown-format"], new RegExp(`${i} of 32 of .*(fetch|empty|known)`));
  }
}

for (const path of ONE_OF_EACH)
  describe(basename(path), () => {
    let whole: Map<string, Sample>;
    before(async () => {
      whole = await readGolden(path);
    });

    test("without any one of its tensors", async () => {
      for (const name of some([...whole.keys()])) {
        if (/^blocks\.0\.att\.v[012]$/.test(name)) continue; // RWKV-7's first block needs none
        const rest = [...whole.values()].filter((sample) => sample.name !== name);
        await assertRefused(safetensors(rest), ["bad-file", "unsupported-model"], /tensor|it has none of/);
      }
    });

    test("with any one of its tensors in another shape", async () => {
      for (const sample of some([...whole.values()])) {
        if (/^blocks\.0\.att\.v[012]$/.test(sample.name)) continue;
        const changed = new Map(whole).set(sample.name, withoutHalf(sample));
        await assertRefused(safetensors([...changed.values()]), ["bad-file", "unsupported-model"], /shape|width|head/);
      }
    });
  });

/** The first half of the values, along the last axis that has two. */
function withoutHalf({ name, dtype, shape, bytes }: Sample): Sample {
  const axis = shape.findLastIndex((size) => size % 2 === 0);
  const halved = shape.map((size, i) => (i === axis ? size / 2 : size));
  return { name, dtype, shape: halved, bytes: bytes.subarray(0, bytes.length / 2) };
}

describe("other architectures", () => {
  const strangers: [name: string, message: RegExp][] = [
    ["blocks.1.ffn.s_emb.weight", /blocks\.1\.ffn\.s_emb\.weight: it is RWKV-7a \(DeepEmbed\)/],
    ["blocks.0.qkv.q_emb.weight", /blocks\.0\.qkv\.q_emb\.weight: it is RWKV-7b/],
    ["blocks.0.ffn.enn.weight", /blocks\.0\.ffn\.enn\.weight: it is an experiment for RWKV-8/],
    ["model.layers.1.self_attn.w0", /self_attn\.w0: it is QRWKV7/],
    ["blocks.1.moba.q.weight", /moba\.q\.weight: it is RWKV-X/],
    ["blocks.1.att.rosa.weight", /blocks\.1\.att\.rosa\.weight: it is an experiment for RWKV-8/],
    ["blocks.1.att.key.lora_A", /lora_A: it is a LoRA: give the model.*--lora/],
    ["blocks.1.att.key.bone", /key\.bone: it is a Bone or DiSHA adapter/],
    ["model.layers.1.self_attn.time_mixer.x_r", /self_attn\.time_mixer\.x_r: it is a Transformer, or a hybrid/],
    ["blocks.0.extra", /blocks\.0\.extra .*newer or modified architecture/],
    ["head.bias", /head\.bias .*newer or modified architecture/],
  ];
  for (const [name, message] of strangers)
    test(name, async () => {
      const samples = [...(await readGolden(SMALL)).values(), float32(name, [2, 2], [1, 2, 3, 4])];
      await assertRefused(safetensors(samples), ["unsupported-model"], message);
    });

  test("RWKV-7b, which has the tensors of RWKV-7a too, and the preview of RWKV-8, which has those of 7b", async () => {
    const extra = ["blocks.0.ffn.s_emb.weight", "blocks.0.qkv.k_emb.weight", "blocks.0.ffn.enn.weight"];
    const right = [/RWKV-7a/, /RWKV-7b/, /RWKV-8/];
    for (const [i, message] of right.entries()) {
      const added = extra.slice(0, i + 1).map((name) => float32(name, [2, 2], [1, 2, 3, 4]));
      const samples = [...(await readGolden(SMALL)).values(), ...added];
      await assertRefused(safetensors(samples), ["unsupported-model"], message);
    }
  });

  test("a Transformer", async () => {
    const names = ["model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight"];
    const samples = names.map((name) => float32(name, [2, 2], [1, 2, 3, 4]));
    await assertRefused(safetensors(samples), ["unsupported-model"], /self_attn\.q_proj\.weight/);
  });

  test("one whose config.json says another epsilon", async () => {
    const model = toFla([...(await readGolden(SMALL)).values()]);
    const write = (name: string, config: object) =>
      writeFolder(join(folder, name), [
        ["model.safetensors", safetensors(model)],
        ["config.json", JSON.stringify(config)],
      ]);
    const other = write("eps", { architectures: ["RWKV7ForCausalLM"], norm_eps: 1e-6 });
    await assertRefused(other, ["unsupported-model"], /config\.json sets norm_eps to 0\.000001/);
    const right = await load(write("right", { architectures: ["RWKV7ForCausalLM"], norm_eps: 1e-5 }));
    await right.dispose();
  });

  test("RWKV-7 whose config.json rescales", async () => {
    const write = (every: number) =>
      writeFolder(join(folder, `rescale-${every}`), [
        ["model.safetensors", safetensors(official)],
        ["config.json", JSON.stringify({ model_type: "rwkv7", norm_eps: 1e-5, rescale_every: every })],
      ]);
    const official = toRwkv7ForCausalLM([...(await readGolden(SMALL)).values()]);
    await assertRefused(write(6), ["unsupported-model"], /rescale_every to 6/);
    await (await load(write(0))).dispose();
  });

  test("none that anybody knows", async () => {
    const samples = [float32("emb.weight", [2, 2], [1, 2, 3, 4])];
    await assertRefused(safetensors(samples), ["unsupported-model"], /is not an RWKV model/);
  });
});

test("weights that are no numbers are loaded as f32, and named when they are to be quantised", async () => {
  const whole = await readGolden(SMALL);
  const head = whole.get("head.weight")!;
  const values = new Float32Array(head.bytes.slice().buffer);
  values.fill(Number.NaN, 0, head.shape[1]);
  whole.set(head.name, float32(head.name, head.shape, values));
  const file = safetensors([...whole.values()]);
  await assert.rejects(load(file, { weights: "int8" }), { code: "bad-file", message: /^head\.weight .* not finite/ });
  const model = await load(file);
  const logits = await model.createSession().feed(5);
  assert.ok(Number.isNaN(logits[0]) && logits.subarray(1).every(Number.isFinite));
  await model.dispose();
});
