// node --import tsx test/fuzz/child.ts TARGET SEED FIRST COUNT FOLDER: runs cases of one target, each named before it begins, so that
// whoever started this knows which one did not come back. Prints a line of JSON per case.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCase, runCase } from "./cases.ts";
import { makeSeeds } from "./seeds.ts";

const [target = "", seed, first, count, folder = ""] = process.argv.slice(2);
const seeds = await makeSeeds(folder);
let current = Number(first);
const say = (line: object) => process.stdout.write(`${JSON.stringify({ number: current, ...line })}\n`);

// What fails without anybody waiting for it belongs to the case that runs.
for (const event of ["unhandledRejection", "uncaughtException"] as const)
  process.on(event, (error: unknown) => say({ fault: `${event} ${error instanceof Error ? error.stack : error}` }));

for (; current < Number(first) + Number(count); current++) {
  const input = makeCase(target, Number(seed), current, seeds);
  if (input instanceof Uint8Array) writeFileSync(join(folder, "input"), input);
  say({});
  say(await runCase(target, input, seeds));
}
await seeds.loaded.dispose(); // and now the process has to end by itself
