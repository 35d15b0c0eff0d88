import assert from "node:assert/strict";
import type { Model, Session } from "wkv";
import { load, randomTokens, SMALL_IDS } from "../support/models.ts";
import { savedValues } from "../support/saved-state.ts";
import type { Golden } from "./goldens.ts";

/** Relative to the value and to the root mean square of all. */
const STATE_TOLERANCE = 1e-4;

/** The trained model's logits are ten times as large, and so is the error of float32 arithmetic. */
export function toleranceOf({ name }: Golden): number {
  return name.startsWith("reverse") ? 5e-3 : 1e-4;
}

/** Feeds a golden's tokens one by one: logits after each, and states. */
export async function checkEveryToken(model: Model, golden: Golden): Promise<void> {
  const session = model.createSession();
  for (const [i, token] of [...golden.prompt, ...golden.greedy].entries()) {
    assertClose(await session.feed(token), golden.logits[i]!, () => toleranceOf(golden), `logits after token ${i}`);
    if (i === golden.prompt.length - 1) await checkState(session, golden.statePrompt, "state after the prompt");
  }
  await checkState(session, golden.stateFinal, "final state");
}

async function checkState(session: Session, expected: Float32Array | undefined, what: string): Promise<void> {
  if (!expected) return;
  const state = savedValues(await session.save()).subarray(0, expected.length);
  const meanSquare = expected.reduce((sum, value) => sum + value * value, 0) / expected.length;
  const allowed = (value: number) => STATE_TOLERANCE * (Math.abs(value) + Math.sqrt(meanSquare));
  assertClose(state, expected, allowed, what);
}

/** Logits after some tokens, of a model with the ids of the small one. */
export async function lastLogits(bytes: Uint8Array): Promise<Float32Array> {
  const model = await load(bytes);
  try {
    const logits = await model.createSession().feed(randomTokens(20, SMALL_IDS));
    assert.ok(logits.every(Number.isFinite), "the random weights are too large");
    return logits;
  } finally {
    await model.dispose();
  }
}

function assertClose(
  actual: Float32Array,
  expected: Float32Array,
  allowed: (value: number) => number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, what);
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs(actual[i]! - value);
    assert.ok(difference <= allowed(value), `${what}, value ${i}: ${actual[i]} instead of ${value}`);
  }
}
