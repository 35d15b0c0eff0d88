/** GGUF files of `wkv convert` in llama.cpp: it splits a text as wkv does, and holds the same tokens for the likeliest. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { convertModel, loadModel } from "wkv";
import { missing } from "../../support/missing.ts";
import { FAIRY } from "../../support/models.ts";

const ENTRY = fileURLToPath(
  new URL("../../../.wkv-cache/peers/node_modules/node-llama-cpp/dist/index.js", import.meta.url),
);
const PROGRAM = fileURLToPath(new URL("../../support/llama.mjs", import.meta.url));
const TEXT =
  "Once upon a time there was a king who had three sons. The eldest went out into the world to seek his fortune, and " +
  'came to a castle. "Who lives here?" he asked. Nobody answered, and the door stood open; so he went in.\n\nThere sat ' +
  "an old woman at the fire, who said: “You are late, my son. Sit down and eat.”";

/** Two logits that are nearer than this are alike: the programs round activations differently. */
const NEAR = { f16: 0.02, int8: 0.15, int4: 0.3 };

const BOX = fileURLToPath(new URL("../../../models/box/box.gguf", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "wkv-llama-"));
after(() => rmSync(folder, { recursive: true }));

describe("llama.cpp agrees", {
  skip: missing(existsSync(ENTRY), "llama.cpp is not here: npm run clients:install"),
}, () => {
  for (const [name, path] of Object.entries({ fairy: FAIRY, box: BOX }))
    for (const weights of ["f16", "int8", "int4"] as const)
      test(`${name} as ${weights}`, async () => {
        const file = join(folder, `${name}.gguf`);
        await convertModel(path, file, { weights });
        const args = [PROGRAM, ENTRY, file, TEXT];
        const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
        const { tokens, likeliest } = JSON.parse(stdout) as { tokens: number[]; likeliest: number[] };
        const model = await loadModel(file, { weights: weights === "f16" ? "f32" : weights, threads: 1 });
        assert.deepEqual(tokens, [...model.tokenizer.encode(TEXT)]);
        let i = 0;
        for await (const logits of model.createSession().feedEach(tokens)) {
          const theirs = logits[likeliest[i]!]!;
          const best = Math.max(...logits);
          assert.ok(
            best - theirs <= NEAR[weights],
            `token ${i}: ${likeliest[i]} is ${best - theirs} below the likeliest`,
          );
          i++;
        }
        await model.dispose();
      });
});
