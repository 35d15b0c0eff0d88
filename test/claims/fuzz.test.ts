// Whatever a file, template, schema, vocabulary or saved state holds, wkv takes it or refuses it with a sentence: never another
// error, never more than 5 s or 512 MB. Each target runs the inputs that once failed, then new ones; `npm run fuzz` runs more.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { foundInputs, makeCase, runCase, targets } from "../fuzz/cases.ts";
import { makeSeeds, type Seeds } from "../fuzz/seeds.ts";
import { repeats } from "../support/effort.ts";
import { tempFolder } from "../support/temp-folder.ts";

const CASES = repeats(200);
const SEED = 1;

describe("fuzz", () => {
  const folder = tempFolder("fuzz");
  let seeds: Seeds;
  before(async () => {
    seeds = await makeSeeds(folder);
  });
  after(() => seeds.loaded.dispose());

  for (const target of Object.keys(targets))
    it(target, async () => {
      const ended = new Map<string, number>();
      for (const [name, input] of foundInputs(target)) {
        const { fault } = await runCase(target, input, seeds);
        assert.equal(fault, undefined, `found/${name}`);
      }
      for (let number = 0; number < CASES; number++) {
        const outcome = await runCase(target, makeCase(target, SEED, number, seeds), seeds);
        assert.equal(outcome.fault, undefined, `case ${number}: npm run fuzz -- --seed ${SEED} ${target}`);
        ended.set(outcome.ended, 1 + (ended.get(outcome.ended) ?? 0));
      }
      // Neither all taken nor all refused: the mutations reach behind the first check.
      assert.ok(ended.size > 1, `every case ended as ${[...ended.keys()]}`);
    });
});
