// Gives a spec's one thread commands as the host gives them.
import { CONTROL_REQUEST, CONTROL_THREADS } from "../../assembly/abi";
import { announce, join } from "../../assembly/pool";

const copyOfCommand = new StaticArray<i32>(16);

/** Joins as one of several threads. The others never come, so this one gets all units, in pieces for so many threads. */
export function joinAsOneOf(threads: i32): void {
  store<i32>(CONTROL_THREADS, threads);
  join(0, changetype<usize>(copyOfCommand));
}

export function command(operation: i32, words: i32[]): void {
  store<i32>(CONTROL_REQUEST, operation);
  for (let i = 0; i < words.length; i++) store<i32>(CONTROL_REQUEST + 8 + 4 * i, words[i]);
  announce();
}
