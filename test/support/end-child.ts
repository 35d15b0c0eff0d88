// A process for endings.test.ts: `end-child.ts NAME...` goes through endings one after the other; `end-child.ts COUNT` prints
// how much the process grows by that many models.
import { CLEAN, FORGOTTEN, growth } from "./endings.ts";
import { assertThreads, cannotCount, threadsWithoutModel } from "./threads.ts";

const names = process.argv.slice(2);
const count = Number(names[0]);
if (count > 0) console.log(await growth(count));
else if (FORGOTTEN[names[0]!]) await FORGOTTEN[names[0]!]!();
else await endCleanly();

async function endCleanly(): Promise<void> {
  const threads = await threadsWithoutModel();
  for (const name of names) {
    await CLEAN[name]!();
    if (!cannotCount) await assertThreads(threads);
  }
}
