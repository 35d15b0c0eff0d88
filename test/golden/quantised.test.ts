/** int8 and int4 weights against the goldens: no bits to compare, but a limit that was measured. */
import assert from "node:assert/strict";
import { basename, relative } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { some } from "../support/effort.ts";
import { missingGolden } from "../support/missing.ts";
import { committedFolder, load } from "../support/models.ts";
import { type Golden, readGoldens, sharedFolders } from "./goldens.ts";

/** Root mean square of the logits' error, over that of the logits. */
const LIMITS = {
  /**
   * Measured: 0.007 to 0.018 for the random weights, which are harder on quantisation than trained ones; 0.002 to 0.009
   * for the tiny trained models; 0.023 for the reversing one.
   */
  int8: 0.03,
  /** Measured: 0.07 to 0.32 for the random weights, 0.39 for the reversing model. */
  int4: 0.42,
} as const;
/** Blocks that the file holds in the format are kept exactly: what is left is the activations, here of 14 bits: 0.0015. */
const LIMIT_Q8 = 0.003;

const root = fileURLToPath(new URL("../..", import.meta.url));

for (const folder of [committedFolder, ...sharedFolders]) {
  const skip = folder === committedFolder ? false : missingGolden();
  for (const weights of ["int8", "int4"] as const)
    describe(`${weights}, ${relative(root, folder)}`, { skip }, () => {
      for (const golden of some(readGoldens(folder), 2))
        for (const path of some(golden.models, Infinity))
          test(`${basename(path)} is near ${golden.name}`, () => checkNear(path, golden, weights));
    });
}

async function checkNear(path: string, golden: Golden, weights: "int8" | "int4"): Promise<void> {
  const model = await load(path, { weights, threads: 2, vocab: null });
  try {
    const session = model.createSession();
    let error = 0;
    let size = 0;
    for (const [i, token] of [...golden.prompt, ...golden.greedy].entries()) {
      const expected = golden.logits[i]!;
      const logits = await session.feed(token);
      logits.forEach((logit, id) => {
        error += (logit - expected[id]!) ** 2;
        size += expected[id]! ** 2;
      });
    }
    const relativeError = Math.sqrt(error / size);
    const limit = weights === "int8" && path.includes("Q8_0") ? LIMIT_Q8 : LIMITS[weights];
    assert.ok(relativeError < limit, `relative error ${relativeError}`);
  } finally {
    await model.dispose();
  }
}
