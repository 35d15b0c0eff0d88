// One SHA-256 of the logits of every model in a folder, for each weight format and number of threads, by the build in a
// project folder: node tools/logit-hashes.mjs PROJECT MODELS. Equal output before and after a change: the same bits.
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [project = ".", folder = "test/golden/data/synth"] = process.argv.slice(2);
const { loadModel } = await import(pathToFileURL(resolve(project, "build/index.js")).href);
const TOKENS = Array.from({ length: 40 }, (_, i) => (i * 37 + 11) % 90);

for (const name of readdirSync(folder).filter((file) => /\.(pth|st|safetensors|gguf|bin)$/.test(file)))
  for (const weights of ["int8", "f32"])
    for (const threads of [1, 2]) {
      const model = await loadModel(join(folder, name), { weights, threads, vocab: null });
      const hash = createHash("sha256");
      for await (const logits of model.createSession().feedEach(TOKENS)) hash.update(logits);
      await model.dispose();
      process.stdout.write(`${hash.digest("hex")} ${name} ${weights} ${threads}\n`);
    }
