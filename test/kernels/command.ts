// Gives a spec's one thread commands as the host gives them.
import { CONTROL_PHASES, CONTROL_REQUEST, LINE, PHASE_SLOTS } from "../../assembly/abi";
import { announce, join } from "../../assembly/pool";

const copyOfCommand = new StaticArray<i32>(16);

/** Joins as one of several threads. The others never come, so this one gets all units, in pieces for so many threads. */
export function joinAsOneOf(threads: i32): void {
  // A test that failed may have left a phase unfinished; the next one would wait for its units.
  memory.fill(CONTROL_PHASES, 0, PHASE_SLOTS * LINE);
  join(0, changetype<usize>(copyOfCommand));
  store<i32>(CONTROL_REQUEST + 8, threads);
  announce();
}

export function command(operation: i32, words: i32[]): void {
  store<i32>(CONTROL_REQUEST, operation);
  for (let i = 0; i < words.length; i++) store<i32>(CONTROL_REQUEST + 12 + 4 * i, words[i]);
  announce();
}
