import { type CodePoints, costOf, namedSet } from "./code-points.ts";
import { type Mode, type Node, PatternParser, type Place } from "./pattern-parser.ts";

type Step =
  | { readonly op: "one"; readonly set: CodePoints }
  | { readonly op: "run"; readonly set: CodePoints; readonly least: number; readonly most: number; readonly mode: Mode }
  | { readonly op: "split"; readonly first: number; readonly second: number }
  | { readonly op: "jump"; readonly to: number }
  | { readonly op: "at"; readonly place: Place }
  | { readonly op: "look"; readonly program: Program; readonly most: number; readonly isNegative: boolean }
  | { readonly op: "atomic"; readonly program: Program }
  | { readonly op: "done" };
type Program = readonly Step[];

/** Steps of all programs of a pattern: `{n,m}` is written out. */
const MAX_STEPS = 50_000;
/** Characters that a look-behind may have, as in Oniguruma. */
const MAX_BEHIND = 255;

/** A set that costs no more is part of its step. */
const FREE_COST = 8;

/** Counts the work of patterns on one text. */
export class Work {
  #left: number;

  constructor(most: number) {
    this.#left = most;
  }

  /** @throws RangeError when there is no more */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new RangeError("it takes too long");
  }
}

/**
 * A regular expression whose work is counted: backtracking, as in the library that tokenizers are made with, so that it
 * finds the same. Patterns come out of files, and JavaScript's own cannot be stopped.
 */
export class Pattern {
  readonly #program: Program;

  /** @throws SyntaxError for what is damaged or not known */
  constructor(source: string) {
    this.#program = new Compiler().compile(new PatternParser(source).parse());
  }

  /** Matches from left to right, as pairs of bounds. @throws RangeError when the work is used up */
  *matches(text: string, work: Work): Generator<readonly [start: number, end: number]> {
    const matcher = new Matcher(text, work);
    for (let start = 0; start <= text.length; ) {
      const end = matcher.run(this.#program, start);
      if (end >= 0) yield [start, end];
      start = end > start ? end : start + widthAt(text, start);
    }
  }
}

function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

class Compiler {
  #steps = 0;

  /** @throws SyntaxError */
  compile(node: Node): Program {
    const program: Step[] = [];
    this.#node(node, program);
    this.#emit(program, { op: "done" });
    return program;
  }

  #emit(program: Step[], step: Step): number {
    if (++this.#steps > MAX_STEPS) throw new SyntaxError("it repeats too much");
    return program.push(step) - 1;
  }

  #node(node: Node, program: Step[]): void {
    if (node.type === "one") this.#emit(program, { op: "one", set: node.set });
    else if (node.type === "all") for (const part of node.parts) this.#node(part, program);
    else if (node.type === "any") this.#choice(node.parts, program);
    else if (node.type === "at") this.#emit(program, { op: "at", place: node.place });
    else if (node.type === "atomic") this.#emit(program, { op: "atomic", program: this.compile(node.body) });
    else if (node.type === "look") this.#look(node, program);
    else this.#repeat(node, program);
  }

  #choice(parts: readonly Node[], program: Step[]): void {
    const ends: number[] = [];
    for (const [i, part] of parts.entries()) {
      const isLast = i === parts.length - 1;
      const split = isLast ? -1 : this.#emit(program, { op: "done" });
      this.#node(part, program);
      if (isLast) break;
      ends.push(this.#emit(program, { op: "done" }));
      program[split] = { op: "split", first: split + 1, second: program.length };
    }
    for (const end of ends) program[end] = { op: "jump", to: program.length };
  }

  #look({ body, isBehind, isNegative }: Node & { type: "look" }, program: Step[]): void {
    const most = isBehind ? longest(body) : -1;
    if (most > MAX_BEHIND) throw new SyntaxError("it looks behind without a bound");
    this.#emit(program, { op: "look", program: this.compile(body), most, isNegative });
  }

  #repeat({ body, least, most, mode }: Node & { type: "repeat" }, program: Step[]): void {
    if (most < least) throw new SyntaxError("a repetition's bounds are the wrong way round");
    if (body.type === "one") {
      this.#emit(program, { op: "run", set: body.set, least, most, mode });
      return;
    }
    if (mode === "possessive") {
      const inner: Node = { type: "repeat", body, least, most, mode: "greedy" };
      this.#emit(program, { op: "atomic", program: this.compile(inner) });
      return;
    }
    for (let i = 0; i < least; i++) this.#node(body, program);
    if (most === Infinity) this.#loop(body, mode, program);
    else this.#options(body, most - least, mode, program);
  }

  #loop(body: Node, mode: Mode, program: Step[]): void {
    if (shortest(body) === 0) throw new SyntaxError("it repeats what may be empty");
    const split = this.#emit(program, { op: "done" });
    this.#node(body, program);
    this.#emit(program, { op: "jump", to: split });
    program[split] = splitTo(split + 1, program.length, mode);
  }

  #options(body: Node, count: number, mode: Mode, program: Step[]): void {
    const splits: number[] = [];
    for (let i = 0; i < count; i++) {
      splits.push(this.#emit(program, { op: "done" }));
      this.#node(body, program);
    }
    for (const split of splits) program[split] = splitTo(split + 1, program.length, mode);
  }
}

function splitTo(inside: number, behind: number, mode: Mode): Step {
  return mode === "lazy"
    ? { op: "split", first: behind, second: inside }
    : { op: "split", first: inside, second: behind };
}

/** Characters of the shortest text that a node can match. */
function shortest(node: Node): number {
  if (node.type === "one") return 1;
  if (node.type === "all") return node.parts.reduce((sum, part) => sum + shortest(part), 0);
  if (node.type === "any") return Math.min(...node.parts.map(shortest));
  if (node.type === "repeat") return node.least * shortest(node.body);
  return node.type === "atomic" ? shortest(node.body) : 0;
}

/** Characters of the longest. */
function longest(node: Node): number {
  if (node.type === "one") return 1;
  if (node.type === "all") return node.parts.reduce((sum, part) => sum + longest(part), 0);
  if (node.type === "any") return Math.max(...node.parts.map(longest));
  if (node.type === "repeat") return node.most === 0 ? 0 : node.most * Math.max(longest(node.body), Number.MIN_VALUE);
  return node.type === "atomic" ? longest(node.body) : 0;
}

/** Runs programs on one text. */
class Matcher {
  readonly #text: string;
  readonly #work: Work;

  constructor(text: string, work: Work) {
    this.#text = text;
    this.#work = work;
  }

  /**
   * @param only where a match has to end; -1: anywhere
   * @returns where the match that begins at `from` ends; -1: there is none
   */
  run(program: Program, from: number, only = -1): number {
    // Triples: where to go on, where in the text, and where it may be moved to, one character at a time.
    const open: number[] = [];
    let pc = 0;
    let at = from;
    for (;;) {
      this.#work.spend(1);
      const step = program[pc] as Step;
      let next = -1;
      if (step.op === "done") {
        if (only < 0 || at === only) return at;
      } else if (step.op === "one") next = this.#one(step.set, at);
      else if (step.op === "run") next = this.#runOf(step, pc, at, open);
      else if (step.op === "at") next = this.#isAt(step.place, at) ? at : -1;
      else if (step.op === "look") next = this.#looks(step, at) ? at : -1;
      else if (step.op === "atomic") next = this.run(step.program, at);
      else {
        if (step.op === "split") open.push(step.second, at, at);
        pc = step.op === "split" ? step.first : step.to;
        continue;
      }
      if (next >= 0) {
        pc++;
        at = next;
        continue;
      }
      if (open.length === 0) return -1;
      const bound = open.pop()!;
      at = open.pop()!;
      pc = open.pop()!;
      if (at !== bound) this.#keepRest(pc, at, bound, program, open);
    }
  }

  /** Of a run of characters, the rest of the ends that are to be tried: shorter ones, or longer ones for a lazy run. */
  #keepRest(pc: number, at: number, bound: number, program: Program, open: number[]): void {
    const step = program[pc - 1] as Step & { op: "run" };
    if (step.mode !== "lazy") open.push(pc, at - this.#widthBefore(at), bound);
    else if (this.#one(step.set, at) >= 0) open.push(pc, this.#one(step.set, at), bound);
  }

  #one(set: CodePoints, at: number): number {
    if (costOf(set) > FREE_COST) this.#work.spend(costOf(set) / FREE_COST);
    const code = this.#text.codePointAt(at);
    return code !== undefined && set(code) ? at + (code > 0xffff ? 2 : 1) : -1;
  }

  /** Takes a run of characters, and keeps where else it could end. */
  #runOf({ set, least, most, mode }: Step & { op: "run" }, pc: number, from: number, open: number[]): number {
    const wanted = mode === "lazy" ? least : most;
    let at = from;
    let shortestEnd = least === 0 ? from : -1;
    let count = 0;
    for (; count < wanted; count++) {
      const next = this.#one(set, at);
      if (next < 0) break;
      at = next;
      if (count + 1 === least) shortestEnd = at;
    }
    this.#work.spend(count / 4);
    if (count < least) return -1;
    if (mode === "greedy" && at > shortestEnd) open.push(pc + 1, at - this.#widthBefore(at), shortestEnd);
    if (mode === "lazy" && most > least) this.#keepLonger(set, most - least, pc, at, open);
    return at;
  }

  #keepLonger(set: CodePoints, more: number, pc: number, at: number, open: number[]): void {
    const next = this.#one(set, at);
    if (next < 0) return;
    // The bound is never reached but for runs with a most: those are short, and walked here.
    let bound = Infinity;
    if (more !== Infinity) {
      bound = at;
      for (let i = 0; i < more && this.#one(set, bound) >= 0; i++) bound = this.#one(set, bound);
      this.#work.spend(more / 4);
    }
    open.push(pc + 1, next, bound);
  }

  #widthBefore(at: number): number {
    const low = this.#text.charCodeAt(at - 1);
    const high = this.#text.charCodeAt(at - 2);
    return low >= 0xdc00 && low < 0xe000 && high >= 0xd800 && high < 0xdc00 ? 2 : 1;
  }

  #looks({ program, most, isNegative }: Step & { op: "look" }, at: number): boolean {
    if (most < 0) return this.run(program, at) >= 0 !== isNegative;
    let from = at;
    for (let back = 0; back <= most; back++) {
      if (this.run(program, from, at) >= 0) return !isNegative;
      if (from === 0) break;
      from -= this.#widthBefore(from);
    }
    return isNegative;
  }

  #isAt(place: Place, at: number): boolean {
    const { length } = this.#text;
    if (place === "start") return at === 0;
    if (place === "end") return at === length;
    if (place === "last-line-end") return at === length || (at === length - 1 && this.#text[at] === "\n");
    if (place === "line-start") return at === 0 || (this.#text[at - 1] === "\n" && at < length);
    if (place === "line-end") return at === length || this.#text[at] === "\n";
    return (this.#isWord(at - (at > 0 ? this.#widthBefore(at) : 1)) !== this.#isWord(at)) === (place === "word-edge");
  }

  #isWord(at: number): boolean {
    const code = at < 0 ? undefined : this.#text.codePointAt(at);
    return code !== undefined && namedSet("w")(code);
  }
}
