/** The embedding outside memory: rows come out of the model's file, with the same bits. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { loadModel, type ModelSource } from "wkv";
import { convert } from "../../support/converting.ts";
import { committed, ONE_OF_EACH, randomTokens } from "../../support/models.ts";
import { randomModel } from "../../support/random-model.ts";
import { watchThreads } from "../../support/threads.ts";

watchThreads();

const LARGE = randomModel({ width: 64, layers: 1, headSize: 64, vocabSize: 4000 });

async function written(source: ModelSource, embedding: "memory" | "source") {
  const model = await loadModel(source, { embedding, vocab: null, threads: 2 });
  const { vocabSize, bytes } = model.info;
  const texts = [1, 2, 3].map((seed) => randomTokens(70 * seed, vocabSize, seed));
  const sessions = texts.map(() => model.createSession());
  const together = await model.feedAll(sessions.map((session, i) => ({ session, tokens: texts[i]! })));
  const each: Float32Array[] = [];
  for await (const logits of sessions[0]!.feedEach(texts[1]!.slice(0, 40))) each.push(logits);
  const inspected = [];
  for await (const { hidden } of sessions[1]!.inspect(texts[2]!.slice(0, 3))) inspected.push(hidden);
  await model.dispose();
  return { bytes, values: { together, each, inspected } };
}

async function assertSame(source: ModelSource): Promise<void> {
  const [inside, outside] = [await written(source, "memory"), await written(source, "source")];
  assert.deepEqual(outside.values, inside.values);
  assert.ok(outside.bytes <= inside.bytes);
}

for (const path of ONE_OF_EACH) test(path.split("/").at(-1)!, () => assertSame(path));

test("bytes, a Blob and a source of one's own", async () => {
  await assertSame(LARGE);
  await assertSame(new Blob([LARGE as Uint8Array<ArrayBuffer>]));
  await assertSame({
    size: LARGE.length,
    read: (offset, length) => LARGE.slice(offset, offset + length),
  });
  const [inside, outside] = [await written(LARGE, "memory"), await written(LARGE, "source")];
  assert.equal(inside.bytes - outside.bytes, (4000 - 128) * 64 * 4);
});

test("packed files", async () => {
  for (const weights of ["int8", "int4"] as const) await assertSame(await convert(LARGE, "packed", { weights }));
});

test("rows are read when their tokens come, and those that come often are kept", async () => {
  const reads: number[] = [];
  const source = {
    size: LARGE.length,
    read(offset: number, length: number) {
      reads.push(length);
      return LARGE.slice(offset, offset + length);
    },
  };
  await using model = await loadModel(source, { embedding: "source", vocab: null, threads: 1 });
  assert.ok(reads.reduce((sum, length) => sum + length, 0) < LARGE.length - 1_000_000);
  reads.length = 0;
  using session = model.createSession();
  await session.feed([5, 6, 5, 5]);
  await session.feed([6, 7]);
  assert.deepEqual(reads, [256, 256, 256]);
});

test("a file that is gone is an error of the call, and the model goes on", async () => {
  const bytes = readFileSync(committed("q7.zip.pth"));
  let isGone = false;
  const source = {
    size: bytes.length,
    read(offset: number, length: number) {
      if (isGone) throw new Error("gone");
      return bytes.subarray(offset, offset + length);
    },
  };
  await using model = await loadModel(source, { embedding: "source", vocab: null, threads: 1 });
  using session = model.createSession();
  await session.feed([1, 2]);
  isGone = true;
  await assert.rejects(session.feed([3]), /gone/);
  isGone = false;
  await model.createSession().feed([3]);
});

test("another place is refused", async () => {
  await assert.rejects(loadModel(LARGE, { embedding: "disk" as "source" }), /"embedding" expected/);
});
