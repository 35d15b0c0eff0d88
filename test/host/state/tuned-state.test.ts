/** Files of state tuning as a session's start, alone and among a model's tensors. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, describe, test } from "node:test";
import type { Model, WkvErrorCode } from "wkv";
import { readGolden } from "../../support/checkpoint-checks.ts";
import { runProgram } from "../../support/cli-program.ts";
import { ownStorages, pth, type Sample, safetensors } from "../../support/make-checkpoints.ts";
import { toWebRwkv } from "../../support/make-hf.ts";
import { committed, load, ONE_OF_EACH, SMALL } from "../../support/models.ts";
import { refused } from "../../support/refused.ts";
import { savedValues, withoutLogits } from "../../support/saved-state.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { asDtype, float32, transposed } from "../../support/tensor-values.ts";

const folder = tempFolder("tuned");

const PROMPT = [5, 17, 3, 60];

/**
 * What a session has read, as state tuning would write it: [head][value][key], which is how the trainers' kernels keep
 * it. Saved states have [head][key][value] of RWKV-5 and 6, as the `rwkv` package has, and [head][value][key] of RWKV-7.
 * Beside it the saved bytes themselves, without the token shifts, of which tuning knows nothing.
 */
async function stateOf(model: Model): Promise<{ tuned: Sample[]; saved: Uint8Array }> {
  const { layers, width, headSize: n, architecture, stateBytes } = model.info;
  const session = model.createSession();
  await session.feed(PROMPT);
  const saved = await session.save();
  const values = savedValues(saved);
  const perLayer = 2 * width + width * n;
  assert.ok(stateBytes >= layers * perLayer * 4);
  const tuned = Array.from({ length: layers }, (_, layer) => {
    const at = layer * perLayer;
    values.fill(0, at, at + 2 * width);
    const state = float32(
      `blocks.${layer}.att.time_state`,
      [width / n, n, n],
      values.subarray(at + 2 * width, at + perLayer),
    );
    return architecture === "rwkv7" ? state : transposed(state);
  });
  return { tuned, saved: withoutLogits(saved) };
}

for (const path of ONE_OF_EACH.slice(1))
  describe(basename(path), async () => {
    const model = await load(path);
    after(() => model.dispose());
    const { tuned, saved } = await stateOf(model);

    test("a session starts from the tuned state", async () => {
      const initialState = await model.loadState(pth(ownStorages(tuned)));
      assert.deepEqual(initialState, saved);
      const session = model.createSession({ initialState });
      const logits = await session.feed(7);
      assert.deepEqual(logits, await model.createSession(saved).feed(7));
      assert.notDeepEqual(logits, await model.createSession().feed(7));
    });

    test("of a bfloat16 .pth, and of web-rwkv's .st", async () => {
      const brain = tuned.map((sample) => asDtype(sample, "BF16"));
      const exact = tuned.map((sample) => asDtype(sample, "F16"));
      assert.deepEqual(
        await model.loadState(pth(ownStorages(brain))),
        await model.loadState(pth(ownStorages(brain.map((sample) => asDtype(sample, "F32"))))),
      );
      assert.deepEqual(
        await model.loadState(safetensors(toWebRwkv(tuned))),
        await model.loadState(pth(ownStorages(exact))),
      );
    });

    test("reset() and fork() keep it", async () => {
      const session = model.createSession({ initialState: saved });
      const first = await session.feed(7);
      session.reset();
      assert.deepEqual(await session.feed(7), first);
      const other = session.fork();
      other.reset();
      assert.deepEqual(await other.feed(7), first);
      const plain = model.createSession(saved);
      plain.reset();
      assert.deepEqual(await plain.feed(7), await model.createSession().feed(7));
    });

    test("among the model's own tensors it is what every session starts from", async () => {
      const merged = [...(await readGolden(path)).values(), ...tuned];
      for (const bytes of [
        pth(ownStorages(merged)),
        ...(basename(path) === "q6.pth" ? [safetensors(toWebRwkv(merged))] : []),
      ]) {
        const own = await load(bytes);
        const session = own.createSession();
        const logits = await session.feed(7);
        assert.deepEqual(logits.length, model.info.vocabSize);
        session.reset();
        assert.deepEqual(await session.feed(7), logits);
        if (bytes[0] === 0x50) assert.deepEqual(logits, await model.createSession(saved).feed(7));
        await own.dispose();
      }
    });
  });

describe("what is no state of this model", async () => {
  const model = await load(SMALL);
  after(() => model.dispose());
  const { tuned, saved } = await stateOf(model);

  test("is refused", async () => {
    const cases: [Uint8Array, WkvErrorCode, RegExp][] = [
      [pth(ownStorages(tuned.slice(1))), "bad-state", /blocks\.0\.att\.time_state is missing/],
      [pth(ownStorages([...(await readGolden(SMALL)).values()])), "bad-state", /no tensor blocks\.0\.att\.time_state/],
      [
        pth(ownStorages(tuned.map((s) => ({ ...s, shape: [1, 32, 128] })))),
        "bad-state",
        /\[1,32,128\].*needs \[1,64,64\]/,
      ],
      [saved.subarray(0, 100), "bad-file", /truncated or damaged/],
      [new Uint8Array(100), "unknown-format", /zeros/],
    ];
    for (const [bytes, code, message] of cases) await assert.rejects(model.loadState(bytes), refused(code, message));
    await assert.rejects(model.loadState(join(folder, "none.pth")), refused("not-found", /none\.pth/));
    const huge = { size: 2 ** 40, read: (at: number, length: number) => saved.slice(at, at + length) };
    await assert.rejects(model.loadState(huge), refused("bad-file", /the file at byte 1099511627776/));
  });

  test("RWKV-4 takes none", async () => {
    const four = await load(committed("s4.bf16.safetensors"));
    await assert.rejects(four.loadState(pth(ownStorages(tuned))), refused("bad-state", /takes no tuned state/));
    await four.dispose();
  });

  test("wrong arguments are named", () => {
    assert.throws(() => model.createSession({ initialState: "x" as never }), TypeError);
    assert.throws(() => model.createSession("x" as never), TypeError);
  });

  test("wkv run --state takes a tuned state and a saved session", async () => {
    const expected = [...(await model.createSession(saved).feed(7))];
    for (const [name, bytes] of [
      ["tuned.pth", pth(ownStorages(tuned))],
      ["saved.state", saved],
    ] as const) {
      const path = join(folder, name);
      writeFileSync(path, bytes);
      const args = ["run", SMALL, "--tokens", "7", "--logits", "--json", "--weights", "f32", "--state", path];
      const { code, stdout, stderr } = await runProgram(args, folder);
      assert.equal(code, 0, stderr);
      assert.deepEqual(JSON.parse(stdout), expected);
    }
  });
});
