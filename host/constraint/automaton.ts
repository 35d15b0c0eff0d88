import { WkvError } from "../errors.ts";
import type { Grammar, Node } from "./grammar.ts";

/** Dead end. */
export const DEAD = -1;
/** Larger than any number of tokens. */
export const NO_END = 2 ** 30;
const UNKNOWN = 0;
/** The empty continuation: the text may end. */
const DONE = 0;

/** Limit for continuations examined between two calls of `begin()`; they take about a second. */
const MAX_EFFORT = 3_000_000;
/** Limit for all continuations, about 150 MB. */
const MAX_CONTINUATIONS = 1_000_000;
/** From this size on it is better to rebuild the automaton: about 50 MB. */
const MANY_CONTINUATIONS = 250_000;
const MANY_CELLS = 4_000_000;
/**
 * Limit for parallel continuations in one state. Sensible constraints have a handful; those of ambiguous ones multiply.
 */
const MAX_WAYS = 20_000;

/**
 * A grammar as a deterministic automaton whose states are created on first use.
 *
 * A continuation is what must follow: a node, and the continuation after it. A state is the set of continuations that
 * begin with a plain node (or DONE), so nesting and counting need no special treatment. Equal continuations and equal
 * sets are shared, which makes this the subset construction for the regular parts, and a pushdown automaton with
 * memoisation for the rest.
 */
export class Automaton {
  readonly grammar: Grammar;
  /** Symbols of one class are equivalent for every node of the grammar: class c is `starts[c] .. starts[c + 1] - 1`. */
  readonly starts: readonly number[];
  /** For symbols below 256. */
  readonly classOf = new Uint8Array(256);
  readonly classes: number;
  /**
   * A state is the index of its row. `rows[state]`: upper bound for the tokens to the nearest end, NO_END if the
   * vocabulary has no way to one. `rows[state + 1 + class]`: the next state, DEAD, or 0 if `step` has not computed it
   * yet. The array is replaced when it grows.
   */
  rows = new Int32Array(1 << 12);

  /** Continuation i: its node, the continuation after it, and the cost of the shortest way through it. */
  readonly #nodeOf: Node[] = [];
  readonly #restOf: number[] = [];
  readonly #costOf: number[] = [];
  readonly #continuations = new Map<number, number>();
  /** What follows in a plain node, by node id and symbol class. */
  readonly #derived = new Map<number, Node>();
  /** The round in which continuation i was last examined. */
  #seen = new Uint32Array(1 << 10);
  #round = 0;
  #effort = 0;

  /** For each row, the continuations in id order; row 0 is not a state. */
  readonly #waysOf: number[][] = [[]];
  readonly #states = new Map<string, number>();
  /** Total cells of rows, and continuations of states. */
  #cells = 0;

  /** @param symbols their number: 256 bytes, or 0x110000 code points */
  constructor(grammar: Grammar, symbols: number) {
    this.grammar = grammar;
    const starts = new Set([0]);
    for (const node of grammar.nodes) if (node.kind === "symbols") starts.add(node.low).add(node.high + 1);
    starts.delete(symbols);
    this.starts = [...starts].sort((a, b) => a - b);
    this.classes = this.starts.length;
    this.starts.forEach((start, i) => {
      this.classOf.fill(i, start);
    });
    this.#nodeOf.push(grammar.empty);
    this.#restOf.push(DONE);
    this.#costOf.push(0);
  }

  /** It has grown so large that callers should move to a new one. */
  get isLarge(): boolean {
    return this.#nodeOf.length > MANY_CONTINUATIONS || this.#cells > MANY_CELLS;
  }

  /** Starts another piece of work, with a new budget. */
  begin(): void {
    this.#effort = 0;
  }

  /** The initial state for `root`. */
  enter(root: Node): number {
    return this.#state([this.#continuation(root, DONE)]);
  }

  /** The same place in another automaton of the same grammar. */
  moveTo(other: Automaton, state: number): number {
    return other.#state(this.#ways(state).map((way) => this.#rebuilt(way, other, (node) => node)));
  }

  /** A state equivalent for the next `length` symbols: larger counts are not distinguished. */
  withoutCounts(state: number, length: number): number {
    const uncounted = (node: Node) =>
      node.kind === "repeat" && node.max > length ? this.grammar.repeat(node.body, node.min, Infinity) : node;
    const ways = this.#ways(state);
    const rebuilt = ways.map((way) => this.#rebuilt(way, this, uncounted));
    return rebuilt.every((way, i) => way === ways[i]) ? state : this.#state(rebuilt);
  }

  #rebuilt(way: number, into: Automaton, change: (node: Node) => Node): number {
    const nodes: Node[] = [];
    for (let at = way; at !== DONE; at = this.#restOf[at]!) nodes.push(change(this.#nodeOf[at]!));
    return nodes.reduceRight((rest, node) => into.#continuation(node, rest), DONE);
  }

  /** The text may end here. */
  isComplete(state: number): boolean {
    return this.#ways(state)[0] === DONE;
  }

  /** @returns the state after a symbol of this class, or DEAD */
  step(state: number, symbolClass: number): number {
    const known = this.rows[state + 1 + symbolClass]!;
    if (known !== UNKNOWN) return known;
    const after: number[] = [];
    for (const way of this.#ways(state)) {
      const node = this.#derive(this.#nodeOf[way]!, symbolClass);
      if (node !== this.grammar.never) after.push(this.#continuation(node, this.#restOf[way]!));
    }
    const next = after.length === 0 ? DEAD : this.#state(after);
    this.rows[state + 1 + symbolClass] = next;
    return next;
  }

  #derive(node: Node, symbolClass: number): Node {
    const key = node.id * this.classes + symbolClass;
    let derived = this.#derived.get(key);
    if (!derived) this.#derived.set(key, (derived = this.grammar.derive(node, this.starts[symbolClass]!)));
    return derived;
  }

  /** The state of these continuations, or DEAD if no string goes through any of them. */
  #state(continuations: readonly number[]): number {
    const ways = this.#expand(continuations);
    if (ways.length === 0) return DEAD;
    const key = ways.join();
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state = this.#waysOf.length * (1 + this.classes);
    this.#waysOf.push(ways);
    this.#states.set(key, state);
    this.#cells += 1 + this.classes + ways.length;
    this.#reserve(state + 1 + this.classes);
    const cost = ways.reduce((least, way) => Math.min(least, this.#costOf[way]!), Infinity);
    this.rows[state] = cost === Infinity ? NO_END : Math.min(cost, NO_END - 1);
    return state;
  }

  #ways(state: number): readonly number[] {
    return this.#waysOf[state / (1 + this.classes)]!;
  }

  #reserve(cells: number): void {
    if (cells <= this.rows.length) return;
    const larger = new Int32Array(Math.max(2 * this.rows.length, cells));
    larger.set(this.rows);
    this.rows = larger;
  }

  /** Expands continuations until each begins with a plain node or is DONE. @returns them in id order */
  #expand(continuations: readonly number[]): number[] {
    this.#round++;
    const open = [...continuations];
    const ways: number[] = [];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (this.#seen[at] === this.#round) continue;
      this.#seen[at] = this.#round;
      if (++this.#effort > MAX_EFFORT) throw tooAmbiguous();
      const node = this.#nodeOf[at]!;
      if (at === DONE || node.isPlain) ways.push(at);
      if (at !== DONE && (node.nullable || !node.isPlain)) this.#open(node, this.#restOf[at]!, open);
    }
    if (ways.length > MAX_WAYS) throw tooAmbiguous();
    return ways.sort((a, b) => a - b);
  }

  #open(node: Node, rest: number, open: number[]): void {
    if (node.isPlain) return void open.push(rest);
    switch (node.kind) {
      case "sequence":
        open.push(this.#continuation(node.first, this.#continuation(node.second, rest)));
        break;
      case "choice":
        for (const each of node.nodes) open.push(this.#continuation(each, rest));
        break;
      case "repeat":
        if (node.min === 0) open.push(rest);
        open.push(this.#continuation(node.body, this.#continuation(this.grammar.afterOne(node), rest)));
        break;
      case "rule":
        open.push(this.#continuation(node.body, rest));
    }
  }

  #continuation(node: Node, rest: number): number {
    if (node.kind === "empty") return rest;
    const key = node.id * 2 ** 26 + rest;
    const known = this.#continuations.get(key);
    if (known !== undefined) return known;
    const continuation = this.#nodeOf.length;
    if (continuation >= MAX_CONTINUATIONS) throw tooAmbiguous();
    this.#nodeOf.push(node);
    this.#restOf.push(rest);
    this.#costOf.push(node.cost + this.#costOf[rest]!);
    this.#continuations.set(key, continuation);
    if (continuation >= this.#seen.length) {
      const larger = new Uint32Array(2 * this.#seen.length);
      larger.set(this.#seen);
      this.#seen = larger;
    }
    return continuation;
  }
}

function tooAmbiguous(): WkvError {
  return new WkvError(
    "bad-constraint",
    "The constraint is too ambiguous: too many alternatives have to be followed at once. Simplify it: avoid " +
      "repetitions inside repetitions, and let alternatives begin differently.",
  );
}
