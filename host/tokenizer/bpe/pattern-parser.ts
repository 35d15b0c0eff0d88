import { anyCase, type CodePoints, complement, intersection, namedSet, rangeSet, union } from "./code-points.ts";

/** What a pattern is made of. */
export type Node =
  | { readonly type: "one"; readonly set: CodePoints }
  | { readonly type: "all"; readonly parts: readonly Node[] }
  | { readonly type: "any"; readonly parts: readonly Node[] }
  | { readonly type: "repeat"; readonly body: Node; readonly least: number; readonly most: number; readonly mode: Mode }
  | { readonly type: "look"; readonly body: Node; readonly isBehind: boolean; readonly isNegative: boolean }
  | { readonly type: "atomic"; readonly body: Node }
  | { readonly type: "at"; readonly place: Place };

export type Mode = "greedy" | "lazy" | "possessive";
export type Place = "start" | "end" | "last-line-end" | "line-start" | "line-end" | "word-edge" | "no-word-edge";

/** More is refused: patterns of published tokenizers have some hundred characters. */
const MAX_LENGTH = 20_000;
const MAX_DEPTH = 50;
const MAX_COUNT = 1000;

const CONTROLS: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, f: 12, v: 11, a: 7, e: 27 };
const PLACES: Readonly<Record<string, Place>> = {
  A: "start",
  z: "end",
  Z: "last-line-end",
  b: "word-edge",
  B: "no-word-edge",
};
const LOOKS: readonly (readonly [string, boolean, boolean])[] = [
  ["?=", false, false],
  ["?!", false, true],
  ["?<=", true, false],
  ["?<!", true, true],
];
const NEWLINE = 10;

/** Reads Oniguruma's syntax, as Hugging Face's library takes it, without captures and calls. */
export class PatternParser {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #ignoreCase = false;

  constructor(source: string) {
    this.#source = source;
  }

  /** @throws SyntaxError for what is damaged or not known */
  parse(): Node {
    if (this.#source.length > MAX_LENGTH) throw new SyntaxError(`it has more than ${MAX_LENGTH} characters`);
    const node = this.#alternatives();
    if (this.#at < this.#source.length) throw new SyntaxError("a ) closes nothing");
    return node;
  }

  #alternatives(): Node {
    if (++this.#depth > MAX_DEPTH) throw new SyntaxError("it is nested too deeply");
    const outer = this.#ignoreCase;
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    this.#ignoreCase = outer;
    this.#depth--;
    return parts.length === 1 ? (parts[0] as Node) : { type: "any", parts };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#source.length && !this.#sees("|") && !this.#sees(")")) {
      const atom = this.#atom();
      if (atom) parts.push(this.#repeated(atom));
    }
    return { type: "all", parts };
  }

  /** Undefined for `(?i)`, which changes what follows. */
  #atom(): Node | undefined {
    if (this.#take("(")) return this.#group();
    if (this.#take("[")) return this.#one(this.#set());
    if (this.#take(".")) return { type: "one", set: (code) => code !== NEWLINE };
    if (this.#take("^")) return { type: "at", place: "line-start" };
    if (this.#take("$")) return { type: "at", place: "line-end" };
    if (/^[*+?]/.test(this.#rest(1))) throw new SyntaxError(`a ${this.#rest(1)} repeats nothing`);
    if (!this.#take("\\")) return this.#one(this.#exactly(this.#code()));
    const place = PLACES[this.#rest(1)];
    if (place === undefined) return this.#one(this.#escape());
    this.#at++;
    return { type: "at", place };
  }

  #one(set: CodePoints): Node {
    return { type: "one", set: this.#ignoreCase ? anyCase(set) : set };
  }

  #group(): Node | undefined {
    for (const [opens, isBehind, isNegative] of LOOKS)
      if (this.#take(opens)) return { type: "look", body: this.#closed(), isBehind, isNegative };
    if (this.#take("?>")) return { type: "atomic", body: this.#closed() };
    const [named] = /^\?<[\p{L}_][\p{L}\p{N}_]*>/u.exec(this.#rest(100)) ?? [""];
    this.#at += named.length;
    if (named || !this.#take("?")) return this.#closed();
    const [flags, minus = "", ends] = /^(-?)i?([:)])/.exec(this.#rest(3)) ?? [];
    if (flags === undefined) throw new SyntaxError(`a group (?${this.#rest(1)} is not known`);
    this.#at += flags.length;
    const outer = this.#ignoreCase;
    if (flags.includes("i")) this.#ignoreCase = minus === "";
    if (ends === ")") return undefined;
    const body = this.#closed();
    this.#ignoreCase = outer;
    return body;
  }

  #closed(): Node {
    const node = this.#alternatives();
    if (!this.#take(")")) throw new SyntaxError("a group is not closed");
    return node;
  }

  #repeated(atom: Node): Node {
    let body = atom;
    for (let count = this.#count(); count; count = this.#count()) {
      const [least, most] = count;
      if (least > MAX_COUNT || (most !== Infinity && most > MAX_COUNT))
        throw new SyntaxError(`it repeats more than ${MAX_COUNT} times`);
      const mode = this.#take("?") ? "lazy" : this.#take("+") ? "possessive" : "greedy";
      body = { type: "repeat", body, least, most, mode };
      if (++this.#depth > MAX_DEPTH) throw new SyntaxError("it is nested too deeply");
    }
    for (let node = body; node !== atom && node.type === "repeat"; node = node.body) this.#depth--;
    return body;
  }

  #count(): readonly [least: number, most: number] | undefined {
    if (this.#take("*")) return [0, Infinity];
    if (this.#take("+")) return [1, Infinity];
    if (this.#take("?")) return [0, 1];
    const [counted, least = "", comma, most = ""] = /^\{(\d*)(,?)(\d*)\}/.exec(this.#rest(20)) ?? [];
    if (counted === undefined || least + most === "") return undefined;
    this.#at += counted.length;
    return [Number(least), comma ? (most ? Number(most) : Infinity) : Number(least)];
  }

  /** A class, behind its bracket. */
  #set(): CodePoints {
    if (++this.#depth > MAX_DEPTH) throw new SyntaxError("it is nested too deeply");
    const isNegative = this.#take("^");
    const operands: CodePoints[] = [];
    let members: CodePoints[] = [];
    for (let isFirst = true; isFirst || !this.#take("]"); isFirst = false) {
      if (this.#at >= this.#source.length) throw new SyntaxError("a class is not closed");
      if (this.#take("&&")) {
        operands.push(union(members));
        members = [];
      } else members.push(this.#member());
    }
    this.#depth--;
    const set = intersection([...operands, union(members)]);
    return isNegative ? complement(set) : set;
  }

  #member(): CodePoints {
    const [posix, not, name] = /^\[:(\^?)(\w+):\]/.exec(this.#rest(30)) ?? [];
    if (posix !== undefined) {
      this.#at += posix.length;
      return not ? complement(namedSet(name as string)) : namedSet(name as string);
    }
    if (this.#take("[")) return this.#set();
    const first = this.#memberCode();
    if (typeof first !== "number") return first;
    if (!this.#sees("-") || /^-(\]|$|\[|&&)/.test(this.#rest(3))) return this.#exactly(first);
    this.#at++;
    const last = this.#memberCode();
    if (typeof last !== "number" || last < first) throw new SyntaxError("a range in a class is damaged");
    return rangeSet(first, last);
  }

  #memberCode(): number | CodePoints {
    if (!this.#take("\\")) return this.#code();
    if (this.#take("b")) return 8;
    return this.#escaped();
  }

  #escape(): CodePoints {
    const escaped = this.#escaped();
    return typeof escaped === "number" ? this.#exactly(escaped) : escaped;
  }

  /** What follows a backslash. */
  #escaped(): number | CodePoints {
    const [property, kind, not, name] = /^([pP])\{(\^?)([^{}]+)\}/.exec(this.#rest(100)) ?? [];
    if (property !== undefined) {
      this.#at += property.length;
      const set = namedSet(name as string);
      return (kind === "P") !== (not === "^") ? complement(set) : set;
    }
    const hex = /^(?:x\{([\da-f]{1,6})\}|x([\da-f]{1,2})|u([\da-f]{4}))/i.exec(this.#rest(10));
    if (hex) {
      this.#at += hex[0].length;
      return checkedCode(Number.parseInt(hex[1] ?? hex[2] ?? (hex[3] as string), 16));
    }
    const letter = String.fromCodePoint(this.#code());
    if (/[sSdDwWhH]/.test(letter)) {
      const set = namedSet(letter.toLowerCase());
      return letter === letter.toLowerCase() ? set : complement(set);
    }
    const control = CONTROLS[letter];
    if (control !== undefined) return control;
    if (letter === "0") return 0;
    if (/[A-Za-z0-9]/.test(letter)) throw new SyntaxError(`\\${letter} is not known`);
    return letter.codePointAt(0)!;
  }

  #exactly(code: number): CodePoints {
    return rangeSet(code, code);
  }

  #code(): number {
    const code = this.#source.codePointAt(this.#at);
    if (code === undefined) throw new SyntaxError("it ends in the middle");
    this.#at += code > 0xffff ? 2 : 1;
    return code;
  }

  #rest(length: number): string {
    return this.#source.slice(this.#at, this.#at + length);
  }

  #sees(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#sees(text)) return false;
    this.#at += text.length;
    return true;
  }
}

function checkedCode(code: number): number {
  if (code > 0x10ffff) throw new SyntaxError(`\\x{${code.toString(16)}} is no character`);
  return code;
}
