// A process for schedules.test.ts: sessions of a model whose memory refuses to grow, as one does when the system has no more. Prints the
// sessions that there were, the error of the next, and how many gave other logits than alone.
import { load, randomTokens, SMALL, SMALL_IDS } from "./models.ts";

/** Times that the memory grows. */
const GROWTHS = 3;
const TOKENS = randomTokens(40, SMALL_IDS);

const { grow } = WebAssembly.Memory.prototype;
let left = GROWTHS;
WebAssembly.Memory.prototype.grow = function (pages) {
  if (left-- <= 0) throw new RangeError("WebAssembly.Memory.grow(): Unable to grow instance memory");
  return grow.call(this, pages);
};

await using model = await load(SMALL, { threads: 3 });
const expected = Buffer.from((await model.createSession().feed(TOKENS)).buffer);
const feeding: Promise<Float32Array>[] = [];
const sessions = [];
let refusal: string | undefined;
while (refusal === undefined)
  try {
    const session = model.createSession();
    sessions.push(session);
    feeding.push(session.feed(TOKENS));
  } catch (error) {
    refusal = (error as { code?: string }).code ?? String(error);
  }
sessions.pop()!.dispose(); // gives its place back while it is fed
await feeding.pop()!.catch(() => {});
feeding.push(model.createSession().feed(TOKENS));
const logits = await Promise.all(feeding);
const different = logits.filter((each) => !Buffer.from(each.buffer).equals(expected)).length;
console.log(JSON.stringify({ sessions: logits.length, refusal, different }));
