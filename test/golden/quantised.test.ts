/** int8 and int4 weights against the goldens: no bits to compare, but a limit that was measured. */
import assert from "node:assert/strict";
import { basename, relative } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { LoadOptions } from "wkv";
import { some } from "../support/effort.ts";
import { missingGolden } from "../support/missing.ts";
import { committedFolder, load } from "../support/models.ts";
import { type Golden, readGoldens, sharedFolders } from "./goldens.ts";

interface Format {
  readonly options: Pick<LoadOptions, "weights" | "activations">;
  /** Root mean square of the logits' error, over that of the logits. */
  readonly limit: number;
  /** The same for files that hold their matrices in Q8_0, which int8 keeps exactly: what is left is the activations. */
  readonly limitQ8: number;
}

const FORMATS: Readonly<Record<string, Format>> = {
  /**
   * Measured: 0.007 to 0.018 for the random weights, which are harder on quantisation than trained ones; 0.002 to 0.009
   * for the tiny trained models; 0.023 for the reversing one; of Q8_0 0.0015.
   */
  int8: { options: { weights: "int8" }, limit: 0.03, limitQ8: 0.003 },
  /** Measured: 0.009 to 0.028 for the random weights, 0.003 to 0.017 for the tiny trained models, 0.11 for the reversing one. */
  "int8, activations of 8 bits": { options: { weights: "int8", activations: "int8" }, limit: 0.13, limitQ8: 0.02 },
  /** Measured: 0.07 to 0.32 for the random weights, 0.39 for the reversing model. */
  int4: { options: { weights: "int4" }, limit: 0.42, limitQ8: 0.42 },
};

const root = fileURLToPath(new URL("../..", import.meta.url));

for (const folder of [committedFolder, ...sharedFolders]) {
  const skip = folder === committedFolder ? false : missingGolden();
  for (const [name, format] of Object.entries(FORMATS))
    describe(`${name}, ${relative(root, folder)}`, { skip }, () => {
      for (const golden of some(readGoldens(folder), 2))
        for (const path of some(golden.models, Infinity))
          test(`${basename(path)} is near ${golden.name}`, () => checkNear(path, golden, format));
    });
}

async function checkNear(path: string, golden: Golden, { options, limit, limitQ8 }: Format): Promise<void> {
  const model = await load(path, { ...options, threads: 2, vocab: null });
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
    assert.ok(relativeError < (path.includes("Q8_0") ? limitQ8 : limit), `relative error ${relativeError}`);
  } finally {
    await model.dispose();
  }
}
