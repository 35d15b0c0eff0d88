/** Whatever a program does with a model, it ends by itself, and leaves no thread and no memory behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runChild } from "../support/children.ts";
import { FULL } from "../support/effort.ts";
import { CLEAN, FORGOTTEN } from "../support/endings.ts";

/** Each in a process, or those that leave nothing behind in one. */
const CLEAN_ONES = FULL ? Object.keys(CLEAN).map((name) => [name]) : [Object.keys(CLEAN)];
const LOADS = FULL ? 30 : 10;

for (const names of [...CLEAN_ONES, ...Object.keys(FORGOTTEN).map((name) => [name])])
  test(names.join(", "), async () => {
    const { code, stderr } = await runChild("end-child.ts", names);
    assert.equal(code, 0, code === null ? "the process does not end" : stderr);
  });

test("models loaded one after the other do not pile up", async (t) => {
  const { code, stdout, stderr } = await runChild("end-child.ts", [String(LOADS)]);
  assert.equal(code, 0, stderr);
  t.diagnostic(`the process grew by ${Number(stdout).toFixed(1)} models`);
  assert.ok(Number(stdout) < LOADS / 2, `${LOADS} models, and the process grew by ${stdout} of them`);
});
