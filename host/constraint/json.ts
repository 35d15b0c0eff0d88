import { ANY, both, type Characters, utf8, without, words } from "./characters.ts";
import type { Grammar, Node, Rule } from "./grammar.ts";

/**
 * Permitted white space in JSON: none; a space after `,` and `:`, or none; or as "space" plus a line break with
 * indentation wherever JSON allows one.
 */
export type Whitespace = "none" | "space" | "lines";
export const WHITESPACE: readonly Whitespace[] = ["none", "space", "lines"];

const MAX_INDENT = 40;
/** Digits before the point, and after it: what a double preserves. */
export const MAX_DIGITS = 15;

/** What a string must escape: control characters, the quote and the backslash. */
const ESCAPED: Characters = [
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
];
export const PLAIN = without(ANY, ESCAPED);

/** The parts of JSON as nodes of a grammar of bytes. */
export class Json {
  readonly grammar: Grammar;
  /** A comma and the white space that may follow it. */
  readonly comma: Node;
  readonly colon: Node;
  readonly digit: Node;
  /** One character of a string, in any notation. */
  readonly character: Node;
  /** A number of any size that a double holds. */
  readonly number: Node;
  readonly #gap: Node;
  #value: Rule | undefined;

  constructor(grammar: Grammar, whitespace: Whitespace) {
    this.grammar = grammar;
    const space = whitespace === "none" ? grammar.empty : grammar.optional(this.text(" "));
    this.#gap = whitespace === "lines" ? this.#lineBreak() : grammar.empty;
    this.comma = grammar.sequence([this.text(","), whitespace === "lines" ? this.#gap : space]);
    this.colon = grammar.sequence([this.text(":"), space]);
    this.digit = grammar.symbols(0x30, 0x39);
    this.character = grammar.choice([utf8(grammar, PLAIN), this.#escape()]);
    this.number = this.#number();
  }

  text(text: string): Node {
    return words(this.grammar, [text]);
  }

  /** A string of these characters. */
  quoted(inside: Node): Node {
    return this.grammar.sequence([this.text('"'), inside, this.text('"')]);
  }

  /** One character of the set inside a string, escaped only if necessary and in the shortest way. */
  encode(set: Characters): Node {
    return this.grammar.cached(`json ${set}`, () => {
      const escaped: string[] = [];
      for (const [low, high] of both(set, ESCAPED))
        for (let code = low; code <= high; code++)
          escaped.push(JSON.stringify(String.fromCodePoint(code)).slice(1, -1));
      const plain = utf8(this.grammar, both(set, PLAIN));
      return escaped.length === 0 ? plain : this.grammar.choice([plain, words(this.grammar, escaped)]);
    });
  }

  /** One of these values, without white space. */
  literals(values: readonly unknown[]): Node {
    if (values.length === 0) return this.grammar.never;
    return words(
      this.grammar,
      values.map((value) => JSON.stringify(value)),
    );
  }

  object(members: Node): Node {
    return this.#enclosed("{", members, "}");
  }

  array(items: Node): Node {
    return this.#enclosed("[", items, "]");
  }

  /** `least` to `most` of `item`, with commas between them. */
  list(item: Node, least: number, most: number): Node {
    if (most === 0) return this.grammar.empty;
    const more = this.grammar.sequence([this.comma, item]);
    const some = this.grammar.sequence([item, this.grammar.repeat(more, Math.max(least - 1, 0), most - 1)]);
    return least === 0 ? this.grammar.optional(some) : some;
  }

  /** Any value. */
  get value(): Node {
    if (!this.#value) {
      this.#value = this.grammar.rule();
      this.#value.body = this.grammar.choice([
        this.string,
        this.number,
        this.object(this.list(this.grammar.sequence([this.string, this.colon, this.#value]), 0, Infinity)),
        this.array(this.list(this.#value, 0, Infinity)),
        words(this.grammar, ["true", "false", "null"]),
      ]);
    }
    return this.#value;
  }

  get string(): Node {
    return this.quoted(this.grammar.repeat(this.character, 0, Infinity));
  }

  #enclosed(open: string, inside: Node, close: string): Node {
    return this.grammar.sequence([this.text(open), this.#gap, inside, this.#gap, this.text(close)]);
  }

  #lineBreak(): Node {
    const indent = this.grammar.choice([this.text(" "), this.text("\t")]);
    const line = this.grammar.sequence([this.text("\n"), this.grammar.repeat(indent, 0, MAX_INDENT)]);
    return this.grammar.choice([this.grammar.empty, this.text(" "), line]);
  }

  /** `\n` and the like, and `\uXXXX`: a pair of them beyond 16 bits, never half of one. */
  #escape(): Node {
    const { grammar } = this;
    const hex = grammar.choice([this.digit, grammar.symbols(0x41, 0x46), grammar.symbols(0x61, 0x66)]);
    const d = grammar.choice([this.text("d"), this.text("D")]);
    const from8toB = words(grammar, [..."89abAB"]);
    const fromCtoF = words(grammar, [..."cdefCDEF"]);
    const u = this.text("u");
    const notD = without(HEX_DIGITS, [
      [0x44, 0x44],
      [0x64, 0x64],
    ]);
    const unit = grammar.choice([
      grammar.sequence([utf8(grammar, notD), hex, hex, hex]),
      grammar.sequence([d, grammar.symbols(0x30, 0x37), hex, hex]),
    ]);
    const pair = grammar.sequence([d, from8toB, hex, hex, this.text("\\u"), d, fromCtoF, hex, hex]);
    const escapes = [words(grammar, [...'"\\/bfnrt']), grammar.sequence([u, grammar.choice([unit, pair])])];
    return grammar.sequence([this.text("\\"), grammar.choice(escapes)]);
  }

  #number(): Node {
    const { grammar, digit } = this;
    const whole = grammar.choice([
      this.text("0"),
      grammar.sequence([grammar.symbols(0x31, 0x39), grammar.repeat(digit, 0, MAX_DIGITS - 1)]),
    ]);
    const fraction = grammar.sequence([this.text("."), grammar.repeat(digit, 1, MAX_DIGITS)]);
    const sign = grammar.optional(words(grammar, ["+", "-"]));
    const exponent = grammar.sequence([words(grammar, ["e", "E"]), sign, grammar.repeat(digit, 1, 2)]);
    const minus = grammar.optional(this.text("-"));
    return grammar.sequence([minus, whole, grammar.optional(fraction), grammar.optional(exponent)]);
  }
}

const HEX_DIGITS: Characters = [
  [0x30, 0x39],
  [0x41, 0x46],
  [0x61, 0x66],
];
