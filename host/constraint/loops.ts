import { type Automaton, DEAD } from "./automaton.ts";
import { BROKEN, BYTES_OF, CHARACTER, CHARACTERS } from "./byte-kinds.ts";

/** Which kinds of bytes lead from a state back to it. */
export class Loops {
  readonly #automaton: Automaton;
  /** By state: the kinds examined so far, and those of them that do. */
  #known = new Int32Array(1 << 8);
  #loop = new Int32Array(1 << 8);

  constructor(automaton: Automaton) {
    this.#automaton = automaton;
  }

  /** Whether all texts of these kinds do. */
  all(state: number, kinds: number): boolean {
    const number = state / (1 + this.#automaton.classes);
    if (number >= this.#known.length) this.#reserve(number + 1);
    for (let open = kinds & ~this.#known[number]!; open !== 0; open &= open - 1) {
      const kind = open & -open;
      if (this.#loops(state, kind)) this.#loop[number]! |= kind;
      // Where characters are counted, none does.
      else if (this.#loop[number] === 0 && this.#known[number] !== 0) this.#known[number] = -1;
      this.#known[number]! |= kind;
      if ((this.#loop[number]! & kind) === 0) break;
    }
    return (kinds & ~this.#loop[number]!) === 0;
  }

  #loops(state: number, kind: number): boolean {
    if (kind === BROKEN) return false;
    if (kind !== CHARACTER) return BYTES_OF.get(kind)!.every((byte) => this.#step(state, byte) === state);
    return CHARACTERS.every((ranges) => {
      let states = new Set([state]);
      for (const [low, high] of ranges) states = this.#after(states, low, high);
      return states.size === 1 && states.has(state);
    });
  }

  /** The states after one byte of a range. */
  #after(states: ReadonlySet<number>, low: number, high: number): Set<number> {
    const after = new Set<number>();
    const { classOf } = this.#automaton;
    for (const state of states)
      for (let byte = low; byte <= high; byte++)
        if (byte === low || classOf[byte] !== classOf[byte - 1])
          after.add(state === DEAD ? DEAD : this.#step(state, byte));
    return after;
  }

  #step(state: number, byte: number): number {
    return this.#automaton.step(state, this.#automaton.classOf[byte]!);
  }

  #reserve(length: number): void {
    const [known, loop] = [this.#known, this.#loop];
    this.#known = new Int32Array(2 * length);
    this.#loop = new Int32Array(2 * length);
    this.#known.set(known);
    this.#loop.set(loop);
  }
}
