/** Logits after every token, states and greedy text of every golden, from every file that holds its model. */
import assert from "node:assert/strict";
import { basename, relative } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Model } from "wkv";
import { some } from "../support/effort.ts";
import { missingGolden } from "../support/missing.ts";
import { committedFolder, load, symbols } from "../support/models.ts";
import { checkEveryToken, toleranceOf } from "./check.ts";
import { type Golden, readGoldens, sharedFolders } from "./goldens.ts";

const VERSIONS = ["4", "5.0", "5.1", "5.2", "6", "7"];

const root = fileURLToPath(new URL("../..", import.meta.url));

test("the committed goldens have every version", () => {
  const versions = readGoldens(committedFolder).map(({ version }) => version);
  assert.deepEqual([...new Set(versions)].sort(), VERSIONS);
});

test("the whole golden data is there", { skip: missingGolden() }, () => {
  for (const folder of sharedFolders) assert.ok(readGoldens(folder).length > 0, `no goldens in ${folder}`);
});

for (const folder of [committedFolder, ...sharedFolders]) {
  const skip = folder === committedFolder ? false : missingGolden();
  describe(relative(root, folder), { skip }, () => {
    const goldens = readGoldens(folder);
    test("every golden has a model", () => assert.ok(goldens.every(({ models }) => models.length > 0)));
    for (const golden of some(goldens, folder === committedFolder ? 1 : 2)) {
      for (const path of some(golden.models, 2))
        test(`${basename(path)} gives ${golden.name}`, async () => checkModel(path, golden));
    }
  });
}

async function checkModel(path: string, golden: Golden): Promise<void> {
  const model = await load(path, { threads: 2, vocab: symbols(golden.vocabSize) });
  try {
    assert.equal(model.info.version, golden.version);
    await checkEveryToken(model, golden);
    await checkGreedy(model, golden);
  } finally {
    await model.dispose();
  }
}

async function checkGreedy(model: Model, golden: Golden): Promise<void> {
  const { prompt, greedy, greedyMargin } = golden;
  assert.ok(greedyMargin > 2 * toleranceOf(golden), "the margin of the greedy tokens is too small to tell");
  const made: number[] = [];
  const pieces = model.createSession().generate(prompt, { temperature: 0, maxTokens: greedy.length });
  for await (const { token } of pieces) made.push(token);
  assert.deepEqual(made, greedy);
}
