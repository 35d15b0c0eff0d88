/** Arguments that a command leaves out are 0, whatever the one before it had there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as abi from "../../../assembly/abi.ts";
import * as buf from "../../../assembly/buffers.ts";
import { batchWords, type Job } from "../../../host/engine/batch.ts";
import type { Runner } from "../../../host/engine/runner.ts";
import { load, SMALL } from "../../support/models.ts";

test("a forward pass after one of a single unit of the head makes all logits", async () => {
  const model = await load(SMALL, { threads: 2 });
  const { engine, plan } = (model as unknown as { runner: Runner }).runner;
  const { address } = plan.buffers[buf.LOGITS]!;
  const state = plan.states; // of the first session
  using session = model.createSession();
  const expected = await model.createSession().feed([5, 9, 40]);
  await session.feed(5);
  const run = async (token: number, ...units: number[]) => {
    const job: Job = { state, tokens: [token], done: 0 };
    await engine.memory.write(
      plan.batch,
      batchWords({ segments: [{ job, first: 0, end: 1 }], wanted: [{ job, row: 0 }], ending: [] }, [0]),
    );
    await engine.run(abi.OP_FORWARD, [1, 1, 1, 0, ...units]);
    return engine.memory.read(address, plan.shape.vocabSize);
  };
  await run(9, 1);
  assert.deepEqual(await run(40), expected);
  await model.dispose();
});
