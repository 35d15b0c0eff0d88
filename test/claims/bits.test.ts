/** However tokens get through a model, its logits are the same to the last bit. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { LoadOptions, Model, Session } from "wkv";
import type { Simd } from "../../host/engine/platform.ts";
import { relaxedDotHere } from "../../host/engine/simd.ts";
import { runChild } from "../support/children.ts";
import { FULL } from "../support/effort.ts";
import { load, ONE_OF_EACH, randomTokens } from "../support/models.ts";
import { randomModel } from "../support/random-model.ts";
import { assertSameBits } from "../support/same-bits.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Several batches, the last one not full. */
const LENGTH = FULL ? 700 : 350;
const THREADS = FULL ? [1, 2, 3, 4] : [1, 3];
const FORMATS: Pick<LoadOptions, "weights" | "activations">[] = [
  { weights: "f32" },
  { weights: "int8" },
  { weights: "int8", activations: "int8" },
  { weights: "int4" },
];
const CHUNKS = [1, 2, 3, 16, 512, LENGTH];
const relaxedIsThere = Number.parseInt(process.versions.node, 10) >= 22 && (await relaxedDotHere()) !== undefined;

function missing(simd: Simd): string | false {
  return simd === "relaxed" && !relaxedIsThere && "this runtime has no relaxed SIMD, or computes it wrongly";
}

const folder = tempFolder("bits");
// The committed RWKV-7 has one head. This one has six for up to four threads, and sizes that are no powers of two.
const sixHeads = join(folder, "six-heads.safetensors");
writeFileSync(sixHeads, randomModel({ width: 96, layers: 2, headSize: 16, vocabSize: 301 }));

for (const path of [...ONE_OF_EACH, sixHeads])
  for (const format of FORMATS)
    describe(`${basename(path)}, ${Object.values(format).join(", activations ")}`, () => {
      let model: Model;
      let tokens: number[];
      /** Logits after each token, on one thread, one by one. */
      let expected: Float32Array[];

      before(async () => {
        model = await load(path, { ...format, simd: "plain" });
        tokens = randomTokens(LENGTH, model.info.vocabSize);
        expected = await feedAll(model.createSession(), tokens, 1);
        assert.ok(expected.every((logits) => logits.every(Number.isFinite)));
      });
      after(() => model.dispose());

      for (const simd of ["plain", "relaxed"] as const)
        for (const threads of Object.values(format).length > 1 || format.weights === "int4" ? [1, 3] : THREADS)
          test(`${simd} SIMD, ${threads} threads, chunks of ${CHUNKS.join(", ")}`, {
            skip: missing(simd),
          }, async () => {
            const other = await load(path, { ...format, threads, simd });
            for (const size of CHUNKS) {
              const found = await feedAll(other.createSession(), tokens, size);
              for (const [i, logits] of found.entries())
                assertSameBits(logits, expected[Math.min((i + 1) * size, LENGTH) - 1]!, `chunk ${i} of size ${size}`);
            }
            await other.dispose();
          });

      test("saved, loaded and continued in another process", async () => {
        const session = model.createSession();
        await session.feed(tokens.slice(0, 333));
        const state = Buffer.from(await session.save()).toString("base64");
        const input = JSON.stringify({ state, tokens: tokens.slice(333) });
        const { code, stdout, stderr } = await runChild("continue-session.ts", [path, JSON.stringify(format)], input);
        assert.equal(code, 0, stderr);
        const logits = new Float32Array(new Uint8Array(Buffer.from(stdout, "base64")).buffer);
        assertSameBits(logits, expected.at(-1)!, "in the other process");
      });

      test("sessions that take turns", async () => {
        const results = await Promise.all(
          CHUNKS.map((size, i) => feedAll(model.createSession(), tokens.slice(0, LENGTH - 50 * i), size)),
        );
        for (const [i, found] of results.entries())
          assertSameBits(found.at(-1)!, expected[LENGTH - 50 * i - 1]!, `session ${i}`);
      });

      test("forks", async () => {
        const session = model.createSession();
        await session.feed(tokens.slice(0, 200));
        const fork = session.fork();
        const [other] = await Promise.all([fork.feed([1, 2, 3]), session.feed(tokens.slice(200, 300))]);
        const again = model.createSession();
        assertSameBits(await session.feed(tokens.slice(300)), expected.at(-1)!, "the session that was forked");
        assertSameBits(await again.feed([...tokens.slice(0, 200), 1, 2, 3]), other!, "the fork");
      });

      test("a session that was reset, and one in a place that was used before", async () => {
        const session = model.createSession();
        await session.feed([5, 6, 7]);
        session.reset();
        assertSameBits(await session.feed(tokens), expected.at(-1)!, "reset");
        session.dispose();
        assertSameBits(await model.createSession().feed(tokens), expected.at(-1)!, "used before");
      });
    });

/** Logits after each chunk. */
async function feedAll(session: Session, tokens: readonly number[], size: number): Promise<Float32Array[]> {
  const logits: Float32Array[] = [];
  for (let first = 0; first < tokens.length; first += size)
    logits.push(await session.feed(tokens.slice(first, first + size)));
  session.dispose();
  return logits;
}
