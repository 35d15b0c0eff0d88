/** `wkv inspect --state`: the picture has a pixel for each value of the state. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { inflateSync } from "node:zlib";
import { PROGRAM } from "../../support/cli-program.ts";
import { load, randomTokens, SMALL, SMALL_IDS } from "../../support/models.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const folder = tempFolder("picture");
const state = join(folder, "small.state");
const wkv = (...args: string[]) => promisify(execFile)(process.execPath, [PROGRAM, ...args]);

test("draws what the session remembers", async () => {
  const model = await load(SMALL);
  const session = model.createSession();
  await session.feed(randomTokens(10, SMALL_IDS));
  await session.saveFile(state);
  const first = (await session.state()).find(({ name }) => name === "blocks.0.att.state")!;
  const { layers } = model.info;
  await model.dispose();

  const out = join(folder, "small.png");
  const { stderr } = await wkv("inspect", "--state", state, "--out", out);
  const file = await readFile(out);
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  const [heads = 0, n = 0] = first.shape;
  assert.deepEqual([width, height], [heads * (n + 2) - 2, layers * (n + 2) - 2]);
  assert.match(stderr, /pixels/);

  const length = file.readUInt32BE(33);
  const rows = inflateSync(file.subarray(41, 41 + length));
  assert.equal(rows.length, height * (1 + 3 * width));
  for (let at = 0; at < n; at++) {
    const [red = 0, , blue = 0] = rows.subarray(1 + 3 * at, 4 + 3 * at);
    const value = first.values[at]!;
    if (Math.abs(value) > 0.1) assert.equal(red > blue, value > 0, `value ${at}: ${value}`);
  }
});

test("says what is wrong with another file", async () => {
  await assert.rejects(wkv("inspect", "--state", SMALL, "--out", join(folder, "x.png")), /is not a saved state/);
});
