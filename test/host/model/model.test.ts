/** Loading: every kind of source, what the model says of itself, options, and how it is given up. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { type LoadOptions, loadModel, type ModelSource, type Progress, WkvError } from "wkv";
import { committed, load, ONE_OF_EACH, SMALL, SMALL_IDS, symbol, symbols } from "../../support/models.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { watchThreads } from "../../support/threads.ts";

watchThreads();

const folder = tempFolder("model");

/** Logits after one token: what tells that the weights are right. */
async function logitsOf(source: ModelSource, options?: LoadOptions): Promise<Float32Array> {
  const model = await load(source, options);
  const logits = await model.createSession().feed(5);
  await model.dispose();
  return logits;
}

/** A source of a caller's own, which reads through `this`. */
class OwnSource {
  readonly bytes: Uint8Array;
  reads = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, length: number): Uint8Array {
    this.reads++;
    return this.bytes.subarray(offset, offset + length);
  }
}

test("a model that needs more than it may take is refused, with what would fit", async () => {
  const model = await load(SMALL, { maxBytes: 100e6 });
  await model.dispose();
  await assert.rejects(load(SMALL, { maxBytes: model.info.bytes }), (error: WkvError) => {
    assert.equal(error.code, "too-large");
    assert.match(error.message, /GiB may be taken\./);
    return true;
  });
  await assert.rejects(load(SMALL, { maxBytes: 0 }), RangeError);
});

test("every kind of source gives the same model", async () => {
  const expected = await logitsOf(SMALL);
  const bytes = new Uint8Array(readFileSync(SMALL));
  const url = pathToFileURL(SMALL);
  for (const source of [url, url.href, bytes, bytes.buffer, new Blob([bytes]), new OwnSource(bytes)])
    assert.deepEqual(await logitsOf(source), expected);
});

test("what is no source is a TypeError", async () => {
  for (const source of [undefined, null, 7, {}, { size: 3 }])
    await assert.rejects(loadModel(source as unknown as string), {
      name: "TypeError",
      message: /"source" expected a path, URL, Blob, bytes or \{ size, read \}/,
    });
});

test("the model says what it is", async () => {
  const infos = [];
  for (const path of ONE_OF_EACH) {
    const model = await load(path, { threads: 2 });
    const { bytes, stateBytes, simd, name, ...info } = model.info;
    assert.ok(bytes > 100_000 && stateBytes > 1000 && simd && path.endsWith(name));
    infos.push(info);
    await model.dispose();
  }
  const common = { weights: "f32", threads: 2 };
  assert.deepEqual(infos, [
    { architecture: "rwkv4", version: "4", layers: 2, width: 128, headSize: 0, vocabSize: 300, ...common },
    { architecture: "rwkv5", version: "5.2", layers: 2, width: 128, headSize: 64, vocabSize: 300, ...common },
    { architecture: "rwkv6", version: "6", layers: 2, width: 64, headSize: 32, vocabSize: 97, ...common },
    { architecture: "rwkv7", version: "7", layers: 2, width: 64, headSize: 64, vocabSize: 97, ...common },
  ]);
});

test("options out of their range are named", async () => {
  const wrong: [object, RegExp][] = [
    [{ threads: 0 }, /"threads" expected a whole number from 1 to 64, got 0/],
    [{ threads: 65 }, /"threads".* got 65/],
    [{ threads: 1.5 }, /"threads".* got 1.5/],
    [{ weights: "float" }, /"weights" expected .* got "float"/],
    [{ groupNormEps: 0 }, /"groupNormEps" expected a number above 0, got 0/],
    [{ groupNormEps: Number.NaN }, /"groupNormEps".* got NaN/],
  ];
  for (const [options, message] of wrong) await assert.rejects(load(SMALL, options), { name: "RangeError", message });
});

describe("vocabularies", () => {
  test("of more ids than the model has rows are refused, of fewer are fine", async () => {
    await assert.rejects(load(SMALL, { vocab: symbols(SMALL_IDS + 1) }), (error: unknown) => {
      assert.ok(error instanceof WkvError && error.code === "bad-vocab");
      assert.match(error.message, /ids up to 97.* only 97 rows/);
      return true;
    });
    const model = await load(SMALL, { vocab: symbols(10) });
    assert.equal(model.tokenizer.decode([9, 10, SMALL_IDS - 1]), symbol(9));
    await model.dispose();
  });

  test("that cannot be had are said to be missing", async () => {
    const missing = join(folder, "none.txt");
    await assert.rejects(load(SMALL, { vocab: missing }), {
      name: "WkvError",
      code: "not-found",
      message: /none\.txt/,
    });
  });

  test("are found beside a model's file", async () => {
    const path = join(folder, "small.pth");
    copyFileSync(SMALL, path);
    writeFileSync(join(folder, "small.vocab.txt"), symbols(SMALL_IDS));
    for (const source of [path, pathToFileURL(path), pathToFileURL(path).href]) {
      const model = await load(source);
      assert.equal(model.tokenizer.decode([3]), symbol(3));
      await model.dispose();
    }
  });
});

describe("progress", () => {
  test("grows to the end", async () => {
    const seen: Progress[] = [];
    await logitsOf(SMALL, { onProgress: (progress) => seen.push(progress) });
    for (const [i, { loaded, total }] of seen.entries()) {
      assert.ok(loaded > (seen[i - 1]?.loaded ?? 0));
      assert.equal(total, seen[0]!.total);
    }
    assert.equal(seen.at(-1)?.loaded, seen.at(-1)?.total);
  });

  test("an error of the caller's own comes back", async () => {
    const error = new Error("mine");
    const onProgress = () => {
      throw error;
    };
    await assert.rejects(load(SMALL, { onProgress, threads: 2 }), error);
  });
});

describe("giving up", () => {
  test("a signal that is aborted before", async () => {
    const signal = AbortSignal.abort(new Error("never"));
    await assert.rejects(load(SMALL, { signal }), { message: "never" });
  });

  for (const percent of [0, 10, 50, 90, 100])
    test(`a signal that is aborted at ${percent} percent`, async () => {
      const controller = new AbortController();
      const onProgress = ({ loaded, total }: Progress) => {
        if (loaded >= (total * percent) / 100) controller.abort(new Error("enough"));
      };
      const options = { onProgress, signal: controller.signal, threads: 2 };
      await assert.rejects(load(committed("s52.f16.pth"), options), { message: "enough" });
    });

  test("a source that fails half way", async () => {
    const bytes = new Uint8Array(readFileSync(SMALL));
    const whole = new OwnSource(bytes);
    await logitsOf(whole);
    for (const [answer, expected] of [
      [() => Promise.reject(new Error("the net is gone")), { message: "the net is gone" }],
      [() => new Uint8Array(1), { code: "bad-file", message: /returned 1 bytes/ }],
    ] as const) {
      let left = Math.floor(whole.reads / 2);
      const read = (at: number, length: number) => (left-- > 0 ? whole.read(at, length) : answer());
      await assert.rejects(load({ size: bytes.length, read }, { threads: 2 }), expected);
    }
  });
});
