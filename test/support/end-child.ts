// A process for endings.test.ts: `end-child.ts NAME` goes through an ending and prints what is left; with no name it
// prints how much the process grows.
import { CLEAN, FORGOTTEN, growth } from "./endings.ts";
import { assertThreads, cannotCount, threadsWithoutModel } from "./threads.ts";

const LOADS = 30;

const name = process.argv[2];
if (name === undefined) {
  console.log(await growth(LOADS));
} else if (FORGOTTEN[name]) {
  await FORGOTTEN[name]();
} else {
  const threads = await threadsWithoutModel();
  await CLEAN[name]?.();
  if (!cannotCount) await assertThreads(threads);
}
