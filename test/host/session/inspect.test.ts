/** What inspect() shows is what the reference computes, and what feed() computes to the bit. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Model, StateTensor } from "wkv";
import { goldenOf } from "../../golden/goldens.ts";
import { committed, load, ONE_OF_EACH, randomTokens, SMALL, SMALL_IDS } from "../../support/models.ts";

const TOLERANCE = 1e-4;
const HIDDEN: Record<string, number[][]> = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../golden/data/hidden.json", import.meta.url)), "utf8"),
);
const TOKENS = randomTokens(5, SMALL_IDS);

async function using(path: string, work: (model: Model) => Promise<void>): Promise<void> {
  const model = await load(path, { weights: "f32", threads: 2 });
  try {
    await work(model);
  } finally {
    await model.dispose();
  }
}

function assertNear(actual: Float32Array, expected: ArrayLike<number>, what: string): void {
  assert.equal(actual.length, expected.length, what);
  for (const [i, value] of actual.entries())
    assert.ok(Math.abs(value - expected[i]!) <= TOLERANCE, `${what}, value ${i}: ${value} instead of ${expected[i]}`);
}

function valuesOf(state: readonly StateTensor[]): Float32Array {
  return Float32Array.from(state.flatMap(({ values }) => [...values]));
}

for (const [file, rows] of Object.entries(HIDDEN))
  test(`${file}: hidden states are the reference's`, () =>
    using(committed(file), async (model) => {
      const session = model.createSession();
      const { prompt } = goldenOf(file);
      let last: readonly Float32Array[] = [];
      for await (const { hidden } of session.inspect(prompt)) last = hidden;
      assert.equal(last.length, model.info.layers + 1);
      for (const [layer, row] of rows.entries()) assertNear(last[layer]!, row, `layer ${layer}`);
    }));

for (const path of ONE_OF_EACH)
  test(`${path.split("/").at(-1)}: logits and states are the golden's, and the bits are those of feed`, () =>
    using(path, async (model) => {
      const { prompt, logits, statePrompt } = goldenOf(path.split("/").at(-1)!);
      const [fed, inspected] = [model.createSession(), model.createSession()];
      let at = 0;
      for await (const { token, lens, state } of inspected.inspect(prompt, { lens: true, state: true })) {
        assert.equal(lens!.length, model.info.layers + 1);
        assert.deepEqual(lens!.at(-1), await fed.feed(token));
        assertNear(lens!.at(-1)!, logits[at++]!, `logits after token ${at}`);
        if (at === prompt.length) assertNear(valuesOf(state!), statePrompt!, "state");
      }
      assert.deepEqual(await inspected.state(), await fed.state());
      assert.deepEqual(await inspected.save(), await fed.save());
    }));

describe("inspect", () => {
  test("runs beside other sessions, to the same bits", () =>
    using(SMALL, async (model) => {
      const alone = await model.createSession().feed(TOKENS);
      const [a, b] = [model.createSession(), model.createSession()];
      const inspecting = (async () => {
        let last: Float32Array | undefined;
        for await (const { lens } of a.inspect(TOKENS, { lens: true })) last = lens!.at(-1);
        return last;
      })();
      const results = await Promise.all([inspecting, b.feed(TOKENS)]);
      for (const logits of results) assert.deepEqual(logits, alone);
    }));

  test("refuses ids that the model has not, and a session that works", () =>
    using(SMALL, async (model) => {
      const session = model.createSession();
      assert.throws(() => session.inspect([SMALL_IDS]), RangeError);
      const pieces = session.inspect(TOKENS);
      await pieces.next();
      await assert.rejects(session.state(), { code: "busy" });
      await pieces.return();
      await session.state();
    }));
});

describe("cutHeads", () => {
  for (const path of ONE_OF_EACH.slice(1))
    test(`changes the answer and restores it to the bit: ${path.split("/").at(-1)}`, () =>
      using(path, async (model) => {
        const logits = () => model.createSession().feed(TOKENS);
        const whole = await logits();
        await model.cutHeads([{ layer: 1, head: 0 }]);
        assert.notDeepEqual(await logits(), whole);
        await model.cutHeads([]);
        assert.deepEqual(await logits(), whole);
      }));

  test("with every head cut, a layer's time mixing adds nothing", () =>
    using(SMALL, async (model) => {
      const { headSize, width, layers } = model.info;
      const heads = Array.from({ length: layers * (width / headSize) }, (_, i) => ({
        layer: Math.floor(i / (width / headSize)),
        head: i % (width / headSize),
      }));
      await model.cutHeads(heads);
      // Without time mixing, nothing but the channel mixing's shift looks back: two tokens, whatever came before.
      const [a, b] = await Promise.all(
        [
          [1, 2, 3, 4, 5],
          [9, 2, 3, 4, 5],
        ].map((ids) => model.createSession().feed(ids)),
      );
      assert.deepEqual(a, b);
    }));

  test("says which heads there are", async () => {
    await using(SMALL, (model) => assert.rejects(model.cutHeads([{ layer: 2, head: 0 }]), /layers below 2/));
    await using(committed("s4.bf16.safetensors"), (model) =>
      assert.rejects(model.cutHeads([{ layer: 0, head: 0 }]), /RWKV-4 has no heads/),
    );
  });
});
