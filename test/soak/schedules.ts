// WKV_WASM=debug node --import tsx test/soak/schedules.ts COUNT: feeds whose threads are delayed at random between their atomics, each
// another schedule, against one thread without delays. Prints how many differ, and a hash of the logits.
import { createHash } from "node:crypto";
import { load, ONE_OF_EACH, randomTokens } from "../support/models.ts";

const count = Number(process.argv[2]);
/** Not a whole number of rows for each thread. */
const TOKENS = randomTokens(5, 97);
const THREADS = 3;
const hash = createHash("sha256");
let different = 0;
for (const path of ONE_OF_EACH) {
  process.env.WKV_SCHEDULE = "0";
  const plain = await load(path, { threads: 1 });
  const expected = Buffer.from((await plain.createSession().feed(TOKENS)).buffer);
  await plain.dispose();
  hash.update(expected);
  process.env.WKV_SCHEDULE = "12345";
  const model = await load(path, { threads: THREADS });
  const session = model.createSession();
  // The random numbers go on from one feed to the next.
  for (let i = 0; i < count / ONE_OF_EACH.length; i++) {
    session.reset();
    const logits = await session.feed(TOKENS);
    if (!Buffer.from(logits.buffer).equals(expected)) different++;
  }
  await model.dispose();
}
console.log(JSON.stringify({ count, different, hash: hash.digest("hex") }));
