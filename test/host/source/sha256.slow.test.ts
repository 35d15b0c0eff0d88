import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Sha256 } from "../../../host/source/net/sha256.ts";

test("half a gigabyte: the length has more than 32 bits", () => {
  const piece = Uint8Array.from({ length: 2 ** 24 }, (_, i) => i % 251);
  const [own, node] = [new Sha256(), createHash("sha256")];
  for (let i = 0; i < 33; i++) {
    own.update(piece);
    node.update(piece);
  }
  assert.equal(own.digest(), node.digest("hex"));
});
