import assert from "node:assert/strict";
import { test } from "node:test";
import { openGguf } from "../../../host/checkpoint/gguf.ts";
import { openLegacyPth } from "../../../host/checkpoint/legacy.ts";
import { openPth } from "../../../host/checkpoint/pth.ts";
import { openRwkvCpp } from "../../../host/checkpoint/rwkvcpp.ts";
import { openSafetensors } from "../../../host/checkpoint/safetensors.ts";
import { WkvError } from "../../../host/errors.ts";
import { bytesSource } from "../../../host/source/source.ts";
import { opens } from "../../support/checkpoint-checks.ts";
import { repeats } from "../../support/effort.ts";
import { legacyPth, ownStorages, pth, rwkvCpp, safetensors, sampleModel } from "../../support/make-checkpoints.ts";
import { gguf } from "../../support/make-gguf.ts";
import { random } from "../../support/random.ts";

const MODEL = sampleModel("F16", "F32");
const FORMATS = {
  "zip .pth": { bytes: pth(ownStorages(MODEL)), open: openPth },
  "legacy .pth": { bytes: legacyPth(ownStorages(MODEL)), open: openLegacyPth },
  ".safetensors": { bytes: safetensors(MODEL), open: openSafetensors },
  ".gguf": { bytes: gguf(MODEL), open: openGguf },
  "rwkv.cpp": { bytes: rwkvCpp(MODEL), open: openRwkvCpp },
};

const FLIPS = repeats(2000);
const MAX_SECONDS = 30;
const MAX_GROWTH = 200 * 2 ** 20;

for (const [name, { bytes }] of Object.entries(FORMATS)) {
  test(`${name} cut off anywhere is refused`, async () => {
    const evenly = Array.from({ length: 32 }, (_, i) => Math.floor((i * bytes.length) / 32));
    const nearTheEnd = Array.from({ length: 64 }, (_, i) => bytes.length - 1 - i);
    for (const length of [...evenly, ...nearTheEnd])
      assert.equal(await opens(bytes.slice(0, length)), false, `opened with ${length} of ${bytes.length} bytes`);
  });

  test(`${name} with flipped bits opens or is refused, soon and in little memory`, async () => {
    const before = process.memoryUsage().rss;
    const started = performance.now();
    const next = random(5);
    for (let i = 0; i < FLIPS; i++) await opens(flipped(bytes, next));
    assert.ok(performance.now() - started < MAX_SECONDS * 1000);
    assert.ok(process.memoryUsage().rss - before < MAX_GROWTH);
  });

  test(`${name} is refused by the readers of the other formats`, async () => {
    for (const { open, bytes: own } of Object.values(FORMATS))
      if (own !== bytes) await assert.rejects(open(bytesSource(bytes)), WkvError);
  });
}

/** One to three flips; half of the files get them in the first kilobytes, where headers are. */
function flipped(bytes: Uint8Array, next: (below: number) => number): Uint8Array {
  const damaged = bytes.slice();
  const reach = next(2) === 0 ? Math.min(2048, bytes.length) : bytes.length;
  for (let flips = 1 + next(3); flips > 0; flips--) damaged[next(reach)]! ^= 1 << next(8);
  return damaged;
}
