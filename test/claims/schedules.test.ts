/**
 * The debug build of the kernels: threads that are delayed at random between their atomics give the same bits, and one that
 * ends in any phase ends in an error that says where, without a hang. `npm run soak -- schedules` tries 10,000.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { buildDebug } from "../../tools/build-debug.ts";
import { schedules } from "../soak/run.ts";
import { runChild } from "../support/children.ts";
import { FULL } from "../support/effort.ts";

const SCHEDULES = 48;
/** Thread and phase, while the model is loaded and while it is fed. */
const ENDS = [
  [1, 300],
  [0, 2],
  [0, 200],
  [2, 40],
  [2, 250],
  [0, 301],
] as const;

const DEBUG = { WKV_WASM: "debug" };

before(buildDebug);

test(`${SCHEDULES} schedules give the bits of one thread, which are those of the usual build`, async () => {
  const [delayed, usual] = [await schedules(SCHEDULES, "debug"), await schedules(0, "usual")];
  assert.deepEqual([delayed.different, delayed.hash], [0, usual.hash]);
});

for (const [thread, phase] of FULL ? ENDS : ENDS.slice(0, 2))
  test(`thread ${thread} ends in phase ${phase}: an error with the assertion and its function`, async () => {
    const { code, stdout, stderr } = await runChild("debug-child.ts", [String(thread), String(phase)], "", DEBUG);
    assert.equal(code, 0, code === null ? "it hangs" : stderr);
    assert.match(
      stdout,
      /^engine: A thread of the engine failed: .*ended as the host asked for \(assembly\/pool\.ts:\d+\)/,
    );
    assert.match(stdout, /, in assembly\/pool\/\w+\. Load the model again/);
  });

test("a memory that refuses to grow: the next session is refused, and the others are fed", async () => {
  const { code, stdout, stderr } = await runChild("growth-child.ts", [], "", { ...DEBUG, WKV_SCHEDULE: "12345" });
  assert.equal(code, 0, code === null ? "it hangs" : stderr);
  const { sessions, refusal, different } = JSON.parse(stdout);
  assert.deepEqual([refusal, different], ["too-large", 0]);
  assert.ok(sessions > 3, `${sessions} sessions`);
});
