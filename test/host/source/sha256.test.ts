/** The digest of what comes piece by piece is Node's own. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Sha256 } from "../../../host/source/net/sha256.ts";
import { random } from "../../support/random.ts";

const next = random(9);
const expected = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function digest(bytes: Uint8Array, pieces: () => number): string {
  const own = new Sha256();
  for (let at = 0; at < bytes.length; ) own.update(bytes.subarray(at, (at += pieces())));
  return own.digest();
}

test("every length up to 300, in pieces", () => {
  for (let length = 0; length <= 300; length++) {
    const bytes = Uint8Array.from({ length }, () => next(256));
    assert.equal(
      digest(bytes, () => length || 1),
      expected(bytes),
      String(length),
    );
    assert.equal(
      digest(bytes, () => 1 + next(70)),
      expected(bytes),
      String(length),
    );
  }
});

test("more than its room, in pieces of any size", () => {
  const bytes = Uint8Array.from({ length: 5 * 2 ** 20 + 77 }, (_, i) => (i * 2654435761) >>> 13);
  for (const length of [bytes.length, 2 ** 20, 2 ** 20 - 1, 2 ** 21 - 64, 2 ** 20 - 56]) {
    const part = bytes.subarray(0, length);
    assert.equal(
      digest(part, () => 1 + next(3_000_000)),
      expected(part),
    );
  }
});
