// A process for schedules.test.ts, with WKV_WASM=debug: `debug-child.ts THREAD PHASE` prints the error of loading a model and feeding
// it when that thread ends in that phase.
import { load, randomTokens, SMALL, SMALL_IDS } from "./models.ts";

const FEEDS = 20;

process.env.WKV_SCHEDULE = ["7", ...process.argv.slice(2)].join(",");
const error = await loadAndFeed().then(
  () => undefined,
  (error: Error & { code?: string }) => error,
);
console.log(error ? `${error.code}: ${error.message}` : "no error");

async function loadAndFeed(): Promise<void> {
  await using model = await load(SMALL, { threads: 3 });
  const session = model.createSession();
  for (let i = 0; i < FEEDS; i++) await session.feed(randomTokens(5, SMALL_IDS));
}
