/** Commands without MODEL take the bundled one; an argument that names no model is the prompt. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { expectFailure, runProgram } from "../../support/cli-program.ts";

const run = (...args: string[]) => runProgram(args, tmpdir());

test("wkv run PROMPT", async () => {
  const { code, stdout } = await run("run", "Once upon a time", "-n", "5", "-q", "--temperature", "0");
  assert.equal(code, 0);
  assert.ok(stdout.trim().length > 3, stdout);
  assert.equal((await run("run", "-n", "5", "-q", "--temperature", "0")).stdout, stdout);
});

test("names of models that are not there are no prompts", async () => {
  assert.match((await run("run", "nowhere.gguf")).stderr, /PROMPT is missing/);
  const { code, stderr } = await run("run", "BlinkDL/rwkv7-g1");
  assert.equal(code, 2);
  assert.match(stderr, /write hf:BlinkDL\/rwkv7-g1/);
});

test("a model that is not there: one sentence, which says where models are", async () => {
  for (const command of ["run", "chat", "bench", "inspect", "serve"]) {
    const more = command === "run" ? ["Hello"] : command === "serve" ? ["--port", "0"] : [];
    expectFailure(await run(command, "BlinkDL/rwkv7-g1", ...more), 1, /^wkv: there is no file .* write hf:BlinkDL/m);
    expectFailure(
      await run(command, "rwkv8", ...more),
      1,
      /^wkv: there is no file rwkv8 and no model .*: see wkv list\./m,
    );
  }
});

test("wkv bench", async () => {
  const { code, stdout } = await run("bench", "--rounds", "1", "--prefill", "8", "--decode", "4", "-q");
  assert.equal(code, 0);
  assert.match(stdout, /^RWKV-7[\s\S]*\nkernels [\s\S]*\npasses +b\(2\) [\s\S]*b\(8\) /);
});
