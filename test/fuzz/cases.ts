import { readdirSync, readFileSync } from "node:fs";
import type { WkvError } from "wkv";
import { Choices } from "./choices.ts";
import type { Seeds } from "./seeds.ts";
import type { Input, Target } from "./target.ts";
import { fileTargets } from "./targets/files.ts";
import { stateTargets } from "./targets/states.ts";
import { textTargets } from "./targets/texts.ts";

export const targets: Readonly<Record<string, Target>> = { ...fileTargets, ...stateTargets, ...textTargets };

/** Inputs that once ended otherwise than they should: TARGET-anything, replayed before anything new. */
export const FOUND = new URL("found/", import.meta.url);

/**
 * A case that takes longer or more is a fault, whatever it ends in. Sizes are those of small files; hence the bounds. Time is the
 * processor's, where that is less: other programs may take the cores. The watchdog of `npm run fuzz` ends one that only waits.
 */
const MOST_MS = 5000;
const MOST_MB = 512;

/** How a case ended: "ran", "refused CODE" or "argument", or the fault. */
export interface Outcome {
  readonly ended: string;
  readonly fault?: string;
}

/** The input is a function of target, seed and number alone. */
export function makeCase(target: string, seed: number, number: number, seeds: Seeds): Input {
  return find(target).make(new Choices(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)), seeds);
}

export async function runCase(target: string, input: Input, seeds: Seeds): Promise<Outcome> {
  const started = performance.now();
  const work = process.cpuUsage();
  const before = process.resourceUsage().maxRSS;
  const ended = await find(target)
    .run(input, seeds)
    .then(() => "ran", describe);
  const { user, system } = process.cpuUsage(work);
  const took = Math.min(performance.now() - started, (user + system) / 1000);
  const grown = (process.resourceUsage().maxRSS - before) / 1024;
  if (ended.startsWith("raw ")) return { ended, fault: ended };
  if (took > MOST_MS) return { ended, fault: `took ${(took / 1000).toFixed(1)} s (${ended})` };
  if (grown > MOST_MB) return { ended, fault: `took ${Math.round(grown)} MB (${ended})` };
  return { ended };
}

/** The found inputs of a target. */
export function foundInputs(target: string): [name: string, input: Uint8Array][] {
  const names = readdirSync(FOUND).filter((name) => name.startsWith(`${target}-`));
  return names.sort().map((name) => [name, new Uint8Array(readFileSync(new URL(name, FOUND)))]);
}

function find(target: string): Target {
  const found = targets[target];
  if (!found) throw new RangeError(`"target" expected one of ${Object.keys(targets).join(", ")}, got ${target}`);
  return found;
}

function describe(error: unknown): string {
  // By name: targets that open what the package does not export use the sources' own copy of the class.
  if (error instanceof Error && error.name === "WkvError") return `refused ${(error as WkvError).code}`;
  const isArgument = error instanceof TypeError || error instanceof RangeError;
  if (isArgument && /^"[\w.]+" expected /.test(error.message)) return "argument";
  return `raw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
