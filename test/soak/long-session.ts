// node --expose-gc --import tsx test/soak/long-session.ts TOKENS SEED THREADS: one session that reads TOKENS random tokens, a tenth of them
// one at a time, the rest in chunks cut by SEED. Prints the hash of the last logits and state, and memory at a tenth and at the end.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { loadModel } from "wkv";
import { random } from "../support/random.ts";
import { usage } from "./memory.ts";

const [tokens, seed, threads] = process.argv.slice(2).map(Number) as [number, number, number];
const MODEL = fileURLToPath(new URL("../models/fairy/fairy.safetensors", import.meta.url));
const model = await loadModel(MODEL, { threads });
const session = model.createSession();
const token = random(1); // the same text for every SEED
const cut = random(seed);
const logits = new Float32Array(model.info.vocabSize);
let early = await usage();
let isEarly = true;
for (let read = 0; read < tokens; ) {
  const length = Math.min(tokens - read, cut(2) === 0 ? 1 : 1 + cut(250));
  await session.feed(
    Array.from({ length }, () => token(model.info.vocabSize)),
    { into: logits },
  );
  read += length;
  if (isEarly && read >= tokens / 10) {
    early = await usage();
    isEarly = false;
  }
}
const late = await usage();
const hash = createHash("sha256")
  .update(new Uint8Array(logits.buffer))
  .update(await session.save());
console.log(JSON.stringify({ tokens, hash: hash.digest("hex"), early, late }));
await model.dispose();
