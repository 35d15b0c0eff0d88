/** Logits after every token: the bits of feeding one by one, and a session that stays usable. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { describe, test } from "node:test";
import type { Model, Session } from "wkv";
import { load, ONE_OF_EACH, randomTokens, SMALL, SMALL_IDS } from "../../support/models.ts";

/** Several groups of 16, the last one not full. */
const LENGTH = 75;

async function each(session: Session, tokens: Iterable<number>): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  for await (const logits of session.feedEach(tokens)) rows.push(logits);
  return rows;
}

async function oneByOne(model: Model, tokens: readonly number[]): Promise<Float32Array[]> {
  const session = model.createSession();
  const rows: Float32Array[] = [];
  for (const token of tokens) rows.push(await session.feed(token));
  return rows;
}

for (const path of ONE_OF_EACH)
  for (const weights of ["f32", "int8"] as const)
    test(`${basename(path)}, ${weights}: the same bits as one by one`, async () => {
      await using model = await load(path, { weights, threads: 2 });
      const tokens = randomTokens(LENGTH, model.info.vocabSize);
      const expected = await oneByOne(model, tokens);
      const session = model.createSession();
      assert.deepEqual(await each(session, tokens), expected);
      assert.deepEqual(await session.feed([]), expected.at(-1));
      for (const length of [1, 16, 17])
        assert.deepEqual(await each(model.createSession(), tokens.slice(0, length)), expected.slice(0, length));
    });

describe("feedEach", () => {
  test("shares its batches with others", async () => {
    await using model = await load(SMALL);
    const texts = [75, 300, 33, 1].map((length, i) => randomTokens(length, SMALL_IDS, i + 1));
    const expected = await Promise.all(texts.map((tokens) => oneByOne(model, tokens)));
    const fed = texts.map((tokens) => model.createSession().feed(tokens));
    const found = await Promise.all(texts.map((tokens) => each(model.createSession(), tokens)));
    assert.deepEqual(found, expected);
    assert.deepEqual(
      await Promise.all(fed),
      expected.map((rows) => rows.at(-1)),
    );
  });

  test("left early has taken in its group of 16", async () => {
    await using model = await load(SMALL);
    const tokens = randomTokens(LENGTH, SMALL_IDS);
    const expected = await oneByOne(model, tokens);
    const session = model.createSession();
    for await (const logits of session.feedEach(tokens)) {
      assert.deepEqual(logits, expected[0]);
      break;
    }
    assert.deepEqual(await each(session, tokens.slice(16)), expected.slice(16));
  });

  test("gives logits that are the caller's own, and nothing for no tokens", async () => {
    await using model = await load(SMALL);
    const session = model.createSession();
    assert.deepEqual(await each(session, []), []);
    const expected = await oneByOne(model, [1, 2]);
    for await (const logits of session.feedEach([1, 2])) logits.fill(7);
    assert.deepEqual(await session.feed([]), expected[1]);
  });

  test("refuses wrong tokens at once, a second call and an aborted signal", async () => {
    await using model = await load(SMALL);
    const session = model.createSession();
    assert.throws(() => session.feedEach([SMALL_IDS]), { name: "RangeError", message: /"tokens" expected ids/ });
    assert.throws(() => session.feedEach(7 as never), { name: "TypeError", message: /"tokens" expected ids/ });
    const rows = session.feedEach([1, 2]);
    await rows.next();
    await assert.rejects(session.feed([1]), { code: "busy" });
    await rows.return();
    await assert.rejects(session.feedEach([1], { signal: AbortSignal.abort(new Error("enough")) }).next(), /enough/);
    assert.equal((await session.feed([3])).length, SMALL_IDS);
  });
});
