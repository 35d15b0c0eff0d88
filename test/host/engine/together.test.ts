/** Sessions that write at the same time stay in the same batches, though some come back later than others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as abi from "../../../assembly/abi.ts";
import type { Runner } from "../../../host/engine/runner.ts";
import { load, SMALL } from "../../support/models.ts";

const TOKENS = 20;

test("sessions that draw their tokens in more steps than others do not take turns with them", async () => {
  const model = await load(SMALL, { threads: 2 });
  const { engine } = (model as unknown as { runner: Runner }).runner;
  const rows: number[] = [];
  const { run } = engine;
  engine.run = (op, args, options) => {
    if (op === abi.OP_FORWARD) rows.push(args[0] as number);
    return run.call(engine, op, args, options);
  };
  const write = async (steps: number) => {
    using session = model.createSession();
    for (let token = 1; token <= TOKENS; token++) {
      await session.feed([token]);
      for (let step = 0; step < steps; step++) await undefined;
    }
  };
  await Promise.all([0, 0, 1, 2, 10, 50].map(write));
  assert.equal(
    rows.reduce((sum, count) => sum + count),
    6 * TOKENS,
  );
  assert.ok(rows.filter((count) => count === 6).length >= TOKENS - 2, `batches of ${rows}`);
  await model.dispose();
});
