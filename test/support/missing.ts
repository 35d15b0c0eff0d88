import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const failed = new Set<string>();

/** Models, vocabularies and numbers from public repositories; they are not part of this one. */
export const goldenFolder = join(process.env.WKV_GOLDEN ?? join(root, "../shared/golden"));

/**
 * For node:test's `skip`: false when `part` is there, else the reason. With CI=true a missing part is a test that fails
 * as well, so that nothing is skipped without a word.
 * @param reason what is missing and how to get it
 */
export function missing(part: unknown, reason: string): string | false {
  if (part) return false;
  if (process.env.CI === "true" && !failed.has(reason)) {
    failed.add(reason);
    test(`CI has everything: ${reason}`, () => assert.fail(reason));
  }
  return reason;
}

/** The same for a file or folder of the golden data; without a path, for the folder as a whole. */
export function missingGolden(path = ""): string | false {
  const full = join(goldenFolder, path);
  return missing(existsSync(full), `no golden data at ${full} (WKV_GOLDEN names another folder)`);
}
