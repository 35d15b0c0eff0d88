/** Whatever a program does with a model, it ends by itself, and leaves no thread and no memory behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runChild } from "../support/children.ts";
import { CLEAN, FORGOTTEN } from "../support/endings.ts";

for (const name of [...Object.keys(CLEAN), ...Object.keys(FORGOTTEN)])
  test(name, async () => {
    const { code, stderr } = await runChild("end-child.ts", [name]);
    assert.equal(code, 0, code === null ? "the process does not end" : stderr);
  });

test("models loaded one after the other do not pile up", async (t) => {
  const { code, stdout, stderr } = await runChild("end-child.ts", []);
  assert.equal(code, 0, stderr);
  t.diagnostic(`the process grew by ${Number(stdout).toFixed(1)} models`);
  assert.ok(Number(stdout) < 15, `30 models, and the process grew by ${stdout} of them`);
});
