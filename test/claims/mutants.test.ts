/** The list for `npm run mutants` fits the code. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { mutants } from "../mutants.ts";

test("each bug has its place in the code, and tests", () => {
  for (const { file, find, replace, bug, tests } of mutants) {
    assert.equal(readFileSync(file, "utf8").split(find).length, 2, `${file}: ${bug}`);
    assert.notEqual(find, replace);
    for (const path of tests) assert.ok(existsSync(path), path);
  }
});
