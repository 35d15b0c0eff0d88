import { WkvError } from "../errors.ts";
import { ANY, type Characters, characters, type Range, without } from "./characters.ts";
import type { Grammar, Node } from "./grammar.ts";

/** A parsed regular expression. */
export type Regex =
  | { readonly kind: "characters"; readonly set: Characters }
  | { readonly kind: "sequence" | "choice"; readonly parts: readonly Regex[] }
  | { readonly kind: "repeat"; readonly body: Regex; readonly min: number; readonly max: number }
  | { readonly kind: "start" | "end" };

const MAX_LENGTH = 4000;
const MAX_DEPTH = 100;
const MAX_COUNT = 2 ** 31 - 1;

const SUPPORTED =
  "supported are characters, . and escapes such as \\d \\w \\s \\n \\x41 \\u0041 \\u{1f600}, classes [a-z] [^a-z], " +
  "groups (...) (?:...), | * + ? {m,n}, and ^ $ at the ends";

const DIGIT: Range[] = [[0x30, 0x39]];
const WORD: Range[] = [...DIGIT, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
/** White space and line ends of ECMAScript. */
const SPACE: Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: Characters = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const CLASSES: Record<string, Characters> = {
  d: DIGIT,
  w: WORD,
  s: SPACE,
  D: without(ANY, DIGIT),
  W: without(ANY, WORD),
  S: without(ANY, SPACE),
};
const CONTROLS: Record<string, number> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };

const EMPTY: Regex = { kind: "sequence", parts: [] };
const ANYTHING: Regex = { kind: "repeat", body: { kind: "characters", set: ANY }, min: 0, max: Infinity };

/**
 * Parses a regular expression in ECMAScript syntax, where a character is a code point (as with the flag `u`).
 * @param where for messages
 * @throws WkvError `bad-constraint` naming what is wrong or not supported
 */
export function parseRegex(source: string, where: string, dotAll = false): Regex {
  return new Parser(source, where, dotAll).parse();
}

/** The whole text matches, so a leading `^` and a trailing `$` have no effect. */
export function matchAll(regex: Regex, where: string): Regex {
  return withoutAnchors(atEnd(atStart(regex, EMPTY), EMPTY), where);
}

/** Some part of the text matches, as for `pattern` in a JSON schema. */
export function matchSome(regex: Regex, where: string): Regex {
  return withoutAnchors(atEnd(atStart(regex, ANYTHING), ANYTHING), where);
}

/** In code points. */
export interface Lengths {
  readonly min: number;
  readonly max: number;
}

/** Bounds for the length of all matches. */
export function lengthsOf(regex: Regex): Lengths {
  switch (regex.kind) {
    case "characters":
      return { min: 1, max: 1 };
    case "repeat": {
      const { min, max } = lengthsOf(regex.body);
      return { min: min * regex.min, max: max === 0 ? 0 : max * regex.max };
    }
    case "sequence":
      return regex.parts
        .map(lengthsOf)
        .reduce((a, b) => ({ min: a.min + b.min, max: a.max + b.max }), { min: 0, max: 0 });
    case "choice":
      return regex.parts
        .map(lengthsOf)
        .reduce((a, b) => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }), { min: Infinity, max: 0 });
    default:
      return { min: 0, max: 0 };
  }
}

/** @param encode encodes one character of a set */
export function regexNode(grammar: Grammar, regex: Regex, encode: (set: Characters) => Node): Node {
  const nodeOf = (part: Regex) => regexNode(grammar, part, encode);
  switch (regex.kind) {
    case "characters":
      return encode(regex.set);
    case "sequence":
      return grammar.sequence(regex.parts.map(nodeOf));
    case "choice":
      return grammar.choice(regex.parts.map(nodeOf));
    case "repeat":
      return grammar.repeat(nodeOf(regex.body), regex.min, regex.max);
    default:
      throw new Error(`an anchor was left in the expression: ${regex.kind}`);
  }
}

/** Puts `before` before every alternative that does not begin with `^`. */
function atStart(regex: Regex, before: Regex): Regex {
  if (regex.kind === "start") return EMPTY;
  if (regex.kind === "choice") return { kind: "choice", parts: regex.parts.map((part) => atStart(part, before)) };
  if (regex.kind === "sequence" && regex.parts.length > 0)
    return { kind: "sequence", parts: [atStart(regex.parts[0]!, before), ...regex.parts.slice(1)] };
  return { kind: "sequence", parts: [before, regex] };
}

function atEnd(regex: Regex, after: Regex): Regex {
  if (regex.kind === "end") return EMPTY;
  if (regex.kind === "choice") return { kind: "choice", parts: regex.parts.map((part) => atEnd(part, after)) };
  if (regex.kind === "sequence" && regex.parts.length > 0)
    return { kind: "sequence", parts: [...regex.parts.slice(0, -1), atEnd(regex.parts.at(-1)!, after)] };
  return { kind: "sequence", parts: [regex, after] };
}

function withoutAnchors(regex: Regex, where: string): Regex {
  if (regex.kind === "start" || regex.kind === "end")
    throw unsupported(where, `${regex.kind === "start" ? "^" : "$"} inside the expression`);
  if (regex.kind === "sequence" || regex.kind === "choice") for (const part of regex.parts) withoutAnchors(part, where);
  if (regex.kind === "repeat") withoutAnchors(regex.body, where);
  return regex;
}

function unsupported(where: string, what: string): WkvError {
  return new WkvError("bad-constraint", `${where}: ${what} is not supported; ${SUPPORTED}.`);
}

/** Recursive descent over the code points of the source. */
class Parser {
  readonly #source: readonly string[];
  readonly #where: string;
  readonly #dot: Characters;
  #at = 0;
  #depth = 0;

  constructor(source: string, where: string, dotAll: boolean) {
    this.#source = [...source];
    this.#where = where;
    this.#dot = dotAll ? ANY : without(ANY, LINE_ENDS);
    if (this.#source.length > MAX_LENGTH) throw this.#wrong(`longer than ${MAX_LENGTH} characters`);
  }

  parse(): Regex {
    const regex = this.#choice();
    if (this.#at < this.#source.length) throw this.#wrong("a ) without its (");
    return regex;
  }

  #choice(): Regex {
    if (++this.#depth > MAX_DEPTH) throw this.#wrong(`groups nested deeper than ${MAX_DEPTH}`);
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    this.#depth--;
    return parts.length === 1 ? parts[0]! : { kind: "choice", parts };
  }

  #sequence(): Regex {
    const parts: Regex[] = [];
    while (this.#at < this.#source.length && this.#next !== "|" && this.#next !== ")") parts.push(this.#quantified());
    return { kind: "sequence", parts };
  }

  #quantified(): Regex {
    const body = this.#atom();
    const counts = this.#quantifier();
    if (!counts) return body;
    this.#take("?"); // lazy: matches the same texts
    if (this.#quantifier()) throw this.#wrong("a quantifier after a quantifier");
    if (body.kind === "start" || body.kind === "end") throw this.#wrong("a quantifier after ^ or $");
    return { kind: "repeat", body, ...counts };
  }

  #quantifier(): { min: number; max: number } | undefined {
    if (this.#take("*")) return { min: 0, max: Infinity };
    if (this.#take("+")) return { min: 1, max: Infinity };
    if (this.#take("?")) return { min: 0, max: 1 };
    if (this.#next !== "{") return undefined;
    const close = this.#source.indexOf("}", this.#at);
    const inside = close < 0 ? "" : this.#source.slice(this.#at + 1, close).join("");
    const [all, least = "", comma, most] = /^(\d+)(,(\d*))?$/.exec(inside) ?? [];
    if (all === undefined) return undefined; // a brace is then an ordinary character
    this.#at = close + 1;
    const min = Number(least);
    const max = !comma ? min : most === "" ? Infinity : Number(most);
    if (min > max) throw this.#wrong(`{${inside}}, whose numbers are in the wrong order`);
    if (min > MAX_COUNT || (max > MAX_COUNT && max < Infinity)) throw this.#wrong(`{${inside}}, which is too many`);
    return { min, max };
  }

  #atom(): Regex {
    const character = this.#source[this.#at++]!;
    switch (character) {
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case ".":
        return { kind: "characters", set: this.#dot };
      case "(":
        return this.#group();
      case "[":
        return { kind: "characters", set: this.#class() };
      case "\\":
        return { kind: "characters", set: asSet(this.#escape(false)) };
      case "*":
      case "+":
      case "?":
        throw this.#wrong(`${character} with nothing before it`);
      default:
        return { kind: "characters", set: asSet(character.codePointAt(0)!) };
    }
  }

  #group(): Regex {
    if (this.#take("?")) {
      if (this.#take("<")) {
        if (this.#next === "=" || this.#next === "!") throw unsupported(this.#where, `(?<${this.#next}`);
        while (this.#next !== undefined && !this.#take(">")) this.#at++;
      } else if (!this.#take(":")) throw unsupported(this.#where, `(?${this.#next ?? ""}`);
    }
    const regex = this.#choice();
    if (!this.#take(")")) throw this.#wrong("a ( without its )");
    return regex;
  }

  #class(): Characters {
    const negated = this.#take("^");
    const ranges: Range[] = [];
    while (!this.#take("]")) {
      const low = this.#classAtom();
      if (this.#next !== "-" || this.#source[this.#at + 1] === "]") {
        ranges.push(...asSet(low));
        continue;
      }
      this.#at++;
      const high = this.#classAtom();
      if (typeof low !== "number" || typeof high !== "number")
        throw this.#wrong("a range in [] that begins or ends with a class such as \\d");
      if (low > high) throw this.#wrong("a range in [] that is in the wrong order");
      ranges.push([low, high]);
    }
    const set = characters(ranges);
    return negated ? without(ANY, set) : set;
  }

  #classAtom(): number | Characters {
    const character = this.#source[this.#at++];
    if (character === undefined) throw this.#wrong("a [ without its ]");
    return character === "\\" ? this.#escape(true) : character.codePointAt(0)!;
  }

  /** What follows a backslash. */
  #escape(inClass: boolean): number | Characters {
    const letter = this.#source[this.#at++];
    if (letter === undefined) throw this.#wrong("a \\ with nothing after it");
    const digitFollows = /[0-9]/.test(this.#next ?? "");
    if (CLASSES[letter]) return CLASSES[letter];
    if (CONTROLS[letter] !== undefined && !(letter === "0" && digitFollows)) return CONTROLS[letter];
    if (letter === "b" && inClass) return 8;
    if (letter === "x") return this.#hex(2);
    if (letter === "u") return this.#unicode();
    if (/[\p{ASCII}]/u.test(letter) && !/[A-Za-z0-9]/.test(letter)) return letter.codePointAt(0)!;
    throw unsupported(this.#where, `\\${letter}`);
  }

  #unicode(): number {
    if (this.#take("{")) {
      const close = this.#source.indexOf("}", this.#at);
      const digits = close < 0 ? "" : this.#source.slice(this.#at, close).join("");
      const codePoint = /^[0-9a-fA-F]+$/.test(digits) ? Number.parseInt(digits, 16) : Infinity;
      if (codePoint > 0x10ffff) throw this.#wrong("\\u{...} that is no code point");
      this.#at = close + 1;
      return codePoint;
    }
    const unit = this.#hex(4);
    if ((unit & 0xfc00) !== 0xd800 || this.#next !== "\\" || this.#source[this.#at + 1] !== "u") return unit;
    this.#at += 2;
    const low = this.#hex(4);
    if ((low & 0xfc00) !== 0xdc00) throw this.#wrong("half a surrogate pair");
    return 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
  }

  #hex(length: number): number {
    const digits = this.#source.slice(this.#at, this.#at + length).join("");
    if (digits.length !== length || !/^[0-9a-fA-F]+$/.test(digits))
      throw this.#wrong(`an escape that needs ${length} hexadecimal digits`);
    this.#at += length;
    return Number.parseInt(digits, 16);
  }

  get #next(): string | undefined {
    return this.#source[this.#at];
  }

  #take(character: string): boolean {
    if (this.#next !== character) return false;
    this.#at++;
    return true;
  }

  #wrong(what: string): WkvError {
    return new WkvError("bad-constraint", `${this.#where}: there is ${what}. Fix the expression.`);
  }
}

function asSet(characterOrSet: number | Characters): Characters {
  return typeof characterOrSet === "number" ? characters([[characterOrSet, characterOrSet]]) : characterOrSet;
}
