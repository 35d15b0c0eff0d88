// WKV_WASM=debug node --import tsx test/soak/ends.ts THREADS FEEDS STEP: loads a model and feeds it while one of its threads ends: each
// thread, in every STEP-th of the phases. Prints how many phases there are, and what did not end in an error of the engine.
import { setTimeout as pause } from "node:timers/promises";
import { load, randomTokens, SMALL, SMALL_IDS } from "../support/models.ts";

const [threads, feeds, step] = process.argv.slice(2).map(Number) as [number, number, number];
const HANGS_MS = 60_000;
const wrong: string[] = [];
let count = 0;
let phase = 1;
for (let isReached = true; isReached; phase += step) {
  isReached = false;
  for (let thread = 0; thread < threads; thread++) {
    const ended = await Promise.race([loadAndFeed(thread, phase), pause(HANGS_MS, "a hang", { ref: false })]);
    if (ended === undefined) continue; // it has fewer phases
    isReached = true;
    count++;
    if (ended !== "engine") wrong.push(`thread ${thread}, phase ${phase}: ${ended}`);
  }
}
console.log(JSON.stringify({ count, phases: phase - step - 1, wrong }));

/** @returns the code of the error, if there is one */
async function loadAndFeed(thread: number, phase: number): Promise<string | undefined> {
  process.env.WKV_SCHEDULE = ["7", thread, phase].join(",");
  try {
    await using model = await load(SMALL, { threads });
    const session = model.createSession();
    for (let i = 0; i < feeds; i++) await session.feed(randomTokens(5, SMALL_IDS));
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
