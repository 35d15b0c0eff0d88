/** wkv run --state and --state-out: a text in several runs is the text of one. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { expectFailure, ndjson, outcome, type Result, runProgram, startProgram } from "../../support/cli-program.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const folder = tempFolder("cli-state");
before(async () => {
  const shape = { layers: 2, width: 64, headSize: 32, vocabSize: 256 };
  await writeFile(join(folder, "model.safetensors"), syntheticModel(shape));
  await writeFile(join(folder, "other.safetensors"), syntheticModel({ ...shape, layers: 1 }));
});

const run = (args: string[]) => runProgram(["run", "model.safetensors", ...args], folder);
/** Random weights give tokens that are no text: these are compared. */
const GREEDY = ["--temperature", "0", "--json"];

function tokens({ stdout }: Result): number[] {
  return ndjson(stdout)
    .map(({ token }) => token)
    .filter((token) => token !== undefined);
}

test("a text goes on in the next run, with a prompt and without one", async () => {
  const whole = tokens(await run(["Once upon", ...GREEDY, "-n", "12"]));
  const first = await run(["Once upon", ...GREEDY, "-n", "5", "--state-out", "a.state"]);
  assert.match(first.stderr, /^wkv: saved a\.state\n$/);
  const second = await run([...GREEDY, "-n", "7", "--state", "a.state", "--state-out", "a.state"]);
  assert.deepEqual([...tokens(first), ...tokens(second)], whole);
  const asked = await run(["so", ...GREEDY, "-n", "5", "--state", "a.state"]);
  const again = await run(["so", ...GREEDY, "-n", "5", "--state", "a.state", "--threads", "1"]);
  assert.deepEqual(tokens(asked), tokens(again));
  assert.notDeepEqual(tokens(asked), tokens(await run([...GREEDY, "-n", "5", "--state", "a.state"])));
});

test("the logits after a prompt can be had later", async () => {
  const logits = await run(["Once upon", "--logits", "--state-out", "b.state"]);
  assert.equal((await run(["--logits", "--state", "b.state"])).stdout, logits.stdout);
});

test("Ctrl-C saves what was made until then", async () => {
  const child = startProgram(
    ["run", "model.safetensors", "ab", ...GREEDY, "-n", "100000", "--state-out", "c.state"],
    folder,
  );
  const ended = outcome(child);
  await once(child.stdout, "data");
  child.kill("SIGINT");
  const cut = await ended;
  assert.equal(cut.code, 130);
  assert.match(cut.stderr, /saved c\.state/);
  const count = tokens(cut).length;
  const next = tokens(await run([...GREEDY, "-n", "3", "--state", "c.state"]));
  const whole = tokens(await run(["ab", ...GREEDY, "-n", String(count + 3)]));
  assert.deepEqual([...tokens(cut), ...next], whole);
});

test("other weights are a warning, another model is an error, and nothing is read that is too large", async () => {
  await run(["ab", "-n", "2", "--state-out", "d.state"]);
  const warned = await run(["-n", "2", "--state", "d.state", "--weights", "f32", "--quiet"]);
  assert.equal(warned.code, 0);
  assert.match(warned.stderr, /^wkv: The saved state was made with int8 weights, and this model has f32/);
  const other = await runProgram(["run", "other.safetensors", "--state", "d.state"], folder);
  expectFailure(
    other,
    1,
    /^wkv: The saved state belongs to another model: its number of layers is 2, this model's is 1\./,
  );
  expectFailure(await run(["--state", "nowhere.state"]), 1, /nowhere\.state does not exist/);
  expectFailure(
    await run(["--state", "model.safetensors"]),
    1,
    /no tensor blocks\.0\.att\.time_state: give a file of state/,
  );
  await writeFile(join(folder, "huge.state"), "");
  await truncate(join(folder, "huge.state"), 2 ** 31);
  expectFailure(await run(["--state", "huge.state"]), 1, /huge\.state starts with nothing but zeros/);
  await writeFile(join(folder, "text.state"), "no state at all");
  expectFailure(await run(["--state", "text.state"]), 1, /text\.state/);
});

test("what could not be saved is said before the text is made, and the old state stays", async () => {
  const nowhere = await run(["ab", "--state-out", "nowhere/e.state"]);
  expectFailure(nowhere, 2, /--state-out: the folder nowhere does not exist; create it first/);
  assert.equal(nowhere.stdout, "");
  await run(["ab", "-n", "2", "--state-out", "f.state"]);
  const old = await readFile(join(folder, "f.state"));
  assert.equal((await run(["--state", "text.state", "--state-out", "f.state"])).code, 1);
  assert.deepEqual(await readFile(join(folder, "f.state")), old);
});
