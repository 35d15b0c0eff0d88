/** Perplexity against a plain computation from the logits, and `wkv perplexity`. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { loadModel, type Model } from "wkv";
import { perplexity, zeroShare } from "wkv/measure";
import { logProbability, mostLikely } from "wkv/sampler";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { type Result, runProgram } from "../../support/cli-program.ts";
import { safetensors } from "../../support/make-checkpoints.ts";
import { load } from "../../support/models.ts";
import { randomSamples } from "../../support/random-model.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { float32, values } from "../../support/tensor-values.ts";

const SHAPE = { layers: 2, width: 64, headSize: 32, vocabSize: 256 };
const MODEL = syntheticModel(SHAPE);
const TEXT = "Once upon a time there were three daughters, and the youngest was called Ännchen.";
const IDS = [...new TextEncoder().encode(TEXT)];
/** World's text format: id 0 is left to the end of text, ids 1 to 254 are bytes that come in texts. */
const WITH_END = new TextEncoder().encode(
  Array.from({ length: 255 }, (_, i) => `${i + 1} b'\\x${i.toString(16).padStart(2, "0")}' 1`).join("\n"),
);

/** Logits that predict the token at each position but the first; `ids` is what the model reads. */
async function plainLogits(model: Model, ids: readonly number[]): Promise<Float32Array[]> {
  const session = model.createSession();
  const rows: Float32Array[] = [];
  for (const id of ids.slice(0, -1)) rows.push(await session.feed(id));
  return rows;
}

async function plainNats(model: Model, ids: readonly number[]): Promise<number[]> {
  return (await plainLogits(model, ids)).map((logits, i) => -logProbability(logits, ids[i + 1]!));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function assertNear(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= 1e-7 * Math.max(1, Math.abs(expected)), `${what}: ${actual}, ${expected}`);
}

describe("perplexity", () => {
  test("without an end of text predicts all tokens but the first", async () => {
    await using model = await load(MODEL, { threads: 2 });
    const nats = mean(await plainNats(model, IDS));
    const found = await perplexity(model, TEXT);
    assert.deepEqual([found.tokens, found.bytes, "compared" in found], [IDS.length - 1, IDS.length - 1, false]);
    assertNear(found.natsPerToken, nats, "nats");
    assertNear(found.perplexity, Math.exp(nats), "perplexity");
    assertNear(found.bitsPerByte, nats / Math.LN2, "bits");
    assert.ok(found.tokensPerSecond > 0);
    assert.equal((await perplexity(model, new TextEncoder().encode(TEXT))).natsPerToken, found.natsPerToken);
  });

  test("with an end of text predicts the first token too", async () => {
    await using model = await load(MODEL, { vocab: WITH_END });
    assert.equal(model.tokenizer.endOfText, 0);
    const nats = await plainNats(model, [0, ...model.tokenizer.encode(TEXT)]);
    const found = await perplexity(model, TEXT);
    assert.deepEqual([found.tokens, found.bytes], [IDS.length, IDS.length]);
    assertNear(found.natsPerToken, mean(nats), "nats");
  });

  test("context: each begins from nothing", async () => {
    await using model = await load(MODEL);
    const parts = [IDS.slice(0, 30), IDS.slice(30, 60), IDS.slice(60)];
    const nats = (await Promise.all(parts.map((ids) => plainNats(model, ids)))).flat();
    const found = await perplexity(model, TEXT, { context: 30 });
    assert.equal(found.tokens, nats.length);
    assertNear(found.natsPerToken, mean(nats), "nats");
  });

  test("compare: divergence, agreement, and the other's score", async () => {
    await using model = await load(MODEL);
    await using other = await load(syntheticModel(SHAPE, 2));
    const found = await perplexity(model, TEXT, { compare: other });
    const [q, p] = [await plainLogits(model, IDS), await plainLogits(other, IDS)];
    const divergence = p.map((row, i) =>
      row.reduce((sum, _, id) => {
        const log = logProbability(row, id);
        return sum + Math.exp(log) * (log - logProbability(q[i]!, id));
      }, 0),
    );
    assertNear(found.compared!.klDivergence, mean(divergence), "divergence");
    const same = p.filter((row, i) => mostLikely(row) === mostLikely(q[i]!)).length;
    assert.equal(found.compared!.sameTop, same / p.length);
    assertNear(found.compared!.natsPerToken, mean(await plainNats(other, IDS)), "the other's nats");
    const itself = await perplexity(model, TEXT, { compare: model });
    assert.deepEqual([itself.compared?.klDivergence, itself.compared?.sameTop], [0, 1]);
    assert.equal(itself.compared?.bitsPerByte, itself.bitsPerByte);
  });

  test("says how far it is, and can be ended", async () => {
    await using model = await load(MODEL);
    const seen: number[] = [];
    await perplexity(model, TEXT, { onProgress: ({ tokens, total }) => seen.push(tokens / total) });
    assert.ok(seen.length > 2 && seen.every((part, i) => part > (seen[i - 1] ?? 0) && part <= 1));
    const signal = AbortSignal.abort(new Error("enough"));
    await assert.rejects(perplexity(model, TEXT, { signal }), /enough/);
  });

  test("refuses what cannot be measured", async () => {
    await using model = await load(MODEL);
    await using other = await load(syntheticModel({ ...SHAPE, vocabSize: 128 }), { vocab: null });
    for (const text of ["", "a"])
      await assert.rejects(perplexity(model, text), { name: "RangeError", message: /"text"/ });
    for (const context of [0, 1.5, Number.NaN])
      await assert.rejects(perplexity(model, TEXT, { context }), { name: "RangeError", message: /"context" expected/ });
    await assert.rejects(perplexity(model, TEXT, { compare: other }), {
      message: /"compare" expected a model with 256/,
    });
    await assert.rejects(perplexity(other, TEXT), { name: "WkvError" });
  });
});

test("of a damaged model is refused, not NaN", async () => {
  const samples = randomSamples(SHAPE).map((sample) =>
    sample.name === "ln_out.bias" ? float32(sample.name, sample.shape, values(sample).fill(Number.NaN)) : sample,
  );
  const model = await load(safetensors(samples), { vocab: WITH_END });
  await assert.rejects(perplexity(model, TEXT), { name: "WkvError", code: "bad-file", message: /logit .* is NaN/ });
  await model.dispose();
});

test("zeroShare tells how sparse the last layer is", async () => {
  await using model = await load(MODEL);
  const before = await model.createSession().feed(IDS);
  const share = await zeroShare(model, IDS);
  assert.ok(share > 0.3 && share < 0.7, "random weights: about half of the values are negative before relu²");
  assert.deepEqual(await model.createSession().feed(IDS), before, "the model is as it was");
  for (const tokens of [[], Array(129).fill(1)])
    await assert.rejects(zeroShare(model, tokens), { name: "RangeError", message: /"tokens" expected 1 to 128/ });
  await assert.rejects(zeroShare(model, [256]), { name: "RangeError", message: /"tokens" expected ids from 0 to 255/ });
});

describe("wkv perplexity", () => {
  const folder = tempFolder("perplexity");
  before(async () => {
    await writeFile(join(folder, "model.safetensors"), MODEL);
    await writeFile(join(folder, "story.txt"), TEXT);
    await writeFile(join(folder, "empty.txt"), "");
    await writeFile(join(folder, "one.txt"), "a");
  });

  const wkv = (file: string, args: string[] = [], input = "") =>
    runProgram(["perplexity", "model.safetensors", file, ...args], folder, input);

  test("--json has the library's numbers", async () => {
    await using model = await loadModel(MODEL);
    const { tokensPerSecond: _, ...expected } = await perplexity(model, TEXT);
    for (const result of [await wkv("story.txt", ["--json"]), await wkv("-", ["--json", "--threads", "1"], TEXT)]) {
      assert.deepEqual([result.code, result.stderr], [0, ""]);
      const { model: info, tokensPerSecond, ...found } = JSON.parse(result.stdout);
      assert.equal(info.weights, "int8");
      assert.ok(tokensPerSecond > 0);
      assert.deepEqual(found, expected);
    }
  });

  test("for people, with --compare", async () => {
    const { code, stdout, stderr } = await wkv("story.txt", ["--compare", "f32", "--context", "40"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(
      stdout,
      /^text +79 tokens, 79 bytes, \d+ tokens\/s\nnats +[\d.]+ per token\nperplexity +[\d.]+\nbits +[\d.]+ per byte\nbits of f32 +[\d.]+ per byte\ndivergence +[\d.]+e-\d+ nats per token\nsame likeliest +[\d.]+ % of the tokens\n$/,
    );
  });

  test("--help has examples", async () => {
    const { code, stdout, stderr } = await runProgram(["perplexity", "--help"], folder);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /\nExamples:\n {2}\$ wkv perplexity /);
  });

  test("--limit does not cut a character", async () => {
    const at = TEXT.indexOf("Ä");
    const { stdout } = await wkv("story.txt", ["--limit", String(at + 1), "--json"]);
    assert.equal(JSON.parse(stdout).bytes, at - 1);
  });

  test("what is wrong is one line", async () => {
    const expect = ({ code, stdout, stderr }: Result, expected: number, message: RegExp) => {
      assert.deepEqual([code, stdout], [expected, ""]);
      assert.match(stderr, message);
      assert.match(stderr, /^[^\n]+\n$/);
    };
    expect(await wkv("empty.txt"), 2, /^wkv: the text is empty/);
    expect(await wkv("one.txt"), 2, /^wkv: the text is a single token/);
    expect(await wkv("nowhere.txt"), 1, /^wkv: the text nowhere.txt cannot be read/);
    expect(await wkv("story.txt", ["--limit", "0"]), 2, /^wkv: --limit expected a whole number/);
    expect(await wkv("story.txt", ["--context", "1.5"]), 2, /^wkv: --context expected a whole number/);
    expect(await wkv("story.txt", ["--compare", "int9"]), 2, /--compare/);
    expect(await runProgram(["perplexity", "model.safetensors"], folder), 2, /missing required argument/);
  });
});
