// npm run fuzz -- [--minutes N] [--seed S] [TARGET ...]: damaged and hostile inputs for every door of wkv, each target in separate
// processes, in turn, until the time is over. What ends otherwise than it should is kept in build/fuzz/ and printed; moved to
// test/fuzz/found/ as TARGET-NAME it is replayed by every test run.
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { type Outcome, targets } from "../test/fuzz/cases.ts";

const CASES_PER_PROCESS = 200;
/** A process that says nothing for so long hangs: no case may take more than 5 s. */
const HANGS_MS = 30_000;
const KEPT = "build/fuzz";

type Line = { number: number } & Partial<Outcome>;

const { values, positionals } = parseArgs({
  options: { minutes: { type: "string", default: "2" }, seed: { type: "string" } },
  allowPositionals: true,
});
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const names = positionals.length > 0 ? positionals : Object.keys(targets);
const end = Date.now() + Number(values.minutes) * 60_000;
console.log(`fuzz: seed ${seed}, ${names.length} targets, ${values.minutes} min`);

const counts = new Map<string, number>();
let faults = 0;
for (let first = 0; Date.now() < end; first += CASES_PER_PROCESS)
  for (const name of names) if (Date.now() < end) await runProcess(name, first);

const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
console.log(`fuzz: ${total} cases, ${faults} faults`);
for (const [ended, count] of [...counts].sort(([, one], [, other]) => other - one)) console.log(`  ${count} ${ended}`);
process.exitCode = faults > 0 ? 1 : 0;

/** Runs a target's next cases; after a case that ended the process, those behind it. */
async function runProcess(target: string, first: number): Promise<void> {
  const last = first + CASES_PER_PROCESS;
  for (let next = first; next < last; ) next = 1 + (await runUntilFault(target, next, last - next));
}

/**
 * @param isAgain whether the first case hung or was slow before: on a busy machine, one that is so only once is no fault
 * @returns the number of the last case that was run
 */
async function runUntilFault(target: string, first: number, count: number, isAgain = false): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "wkv-fuzz-"));
  const args = ["--import", "tsx", "test/fuzz/child.ts", target, String(seed), String(first), String(count), folder];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let current = first;
  let watchdog = setTimeout(() => {}, 0);
  let hung = false;
  const slow: number[] = [];
  const restart = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => {
      hung = true;
      child.kill("SIGKILL");
    }, HANGS_MS);
  };
  restart();
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as Line;
    current = line.number;
    restart();
    if (line.ended) counts.set(kind(line.ended), 1 + (counts.get(kind(line.ended)) ?? 0));
    if (line.fault?.startsWith("took") && !isAgain) slow.push(current);
    else if (line.fault) report(target, current, line.fault, folder);
  }
  const code = await ended;
  clearTimeout(watchdog);
  if (hung && !isAgain) {
    rmSync(folder, { recursive: true, force: true });
    return runUntilFault(target, current, 1, true);
  }
  const isDone = current >= first + count - 1;
  if (code !== 0)
    report(target, current, isDone ? "the process did not end by itself" : `the process ended (${code})`, folder);
  rmSync(folder, { recursive: true, force: true });
  for (const number of slow) await runUntilFault(target, number, 1, true);
  return current;
}

function kind(ended: string): string {
  return ended.startsWith("raw ") ? "faults" : ended;
}

function report(target: string, number: number, fault: string, folder: string): void {
  faults++;
  mkdirSync(KEPT, { recursive: true });
  const kept = join(KEPT, `${target}-${seed}-${number}`);
  const input = join(folder, "input");
  if (existsSync(input)) copyFileSync(input, kept);
  console.log(
    `${target} case ${number}: ${fault.slice(0, 600)}\n  npm run fuzz -- --seed ${seed} ${target}; input: ${kept}`,
  );
}
