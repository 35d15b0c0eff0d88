import type { Grammar, Node } from "./grammar.ts";

/** Ranges of code points, inclusive. A set is sorted, and its ranges do not touch. */
export type Range = readonly [low: number, high: number];
export type Characters = readonly Range[];

const LAST = 0x10ffff;
const SURROGATES: Range = [0xd800, 0xdfff];

/** The set of these ranges, without surrogates, which are not characters. */
export function characters(ranges: Iterable<Range>): Characters {
  return without(merged(ranges), [SURROGATES]);
}

function merged(ranges: Iterable<Range>): Characters {
  const set: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = set.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else set.push([low, high]);
  }
  return set;
}

export function without(set: Characters, removed: Characters): Characters {
  let left: Range[] = [...set];
  for (const [low, high] of removed) {
    left = left.flatMap(([from, to]) => {
      if (to < low || high < from) return [[from, to] as const];
      const parts: Range[] = [];
      if (from < low) parts.push([from, low - 1]);
      if (to > high) parts.push([high + 1, to]);
      return parts;
    });
  }
  return left;
}

export function both(a: Characters, b: Characters): Characters {
  return without(a, without(ANY, b));
}

export const ANY: Characters = [
  [0, SURROGATES[0] - 1],
  [SURROGATES[1] + 1, LAST],
];

/** Code points at which the number of UTF-8 bytes changes. */
const LENGTH_ENDS = [0x7f, 0x7ff, 0xffff];

/** One character of the set, in UTF-8. */
export function utf8(grammar: Grammar, set: Characters): Node {
  return grammar.cached(`utf8 ${set}`, () => {
    const node = grammar.choice(set.flatMap(([low, high]) => sequences(grammar, low, high)));
    const isToken = grammar.characters.some((codePoint) => includes(set, codePoint));
    return isToken ? grammar.isOneToken(node) : node;
  });
}

export function includes(set: Characters, codePoint: number): boolean {
  return set.some(([low, high]) => low <= codePoint && codePoint <= high);
}

/**
 * Code points as sequences of byte ranges: a range is split where the number of bytes changes, and further until its
 * ends agree in all bytes up to one, and every later byte covers 80 to BF.
 */
function sequences(grammar: Grammar, low: number, high: number): Node[] {
  const cutAt = (end: number) => [...sequences(grammar, low, end), ...sequences(grammar, end + 1, high)];
  const lengthEnd = LENGTH_ENDS.find((end) => low <= end && end < high);
  if (lengthEnd !== undefined) return cutAt(lengthEnd);
  const first = encode(low);
  const last = encode(high);
  for (let i = first.length - 1; i > 0; i--) {
    const below = 2 ** (6 * i) - 1;
    if (low >> (6 * i) === high >> (6 * i)) continue;
    if ((low & below) !== 0) return cutAt(low | below);
    if ((high & below) !== below) return cutAt((high & ~below) - 1);
  }
  return [grammar.sequence(first.map((byte, i) => grammar.symbols(byte, last[i]!)))];
}

function encode(code: number): number[] {
  if (code < 0x80) return [code];
  const tail = (shift: number) => 0x80 | ((code >> shift) & 0x3f);
  if (code < 0x800) return [0xc0 | (code >> 6), tail(0)];
  if (code < 0x10000) return [0xe0 | (code >> 12), tail(6), tail(0)];
  return [0xf0 | (code >> 18), tail(12), tail(6), tail(0)];
}

/** One of these texts, with common prefixes shared. */
export function words(grammar: Grammar, texts: Iterable<string>): Node {
  const sorted = [...new Set(texts)].map(codePoints).sort(compare);
  return wordsFrom(grammar, sorted, 0, sorted.length, 0);
}

/** The words `from .. to - 1` after their first `depth` characters, which are equal. */
function wordsFrom(grammar: Grammar, sorted: readonly number[][], from: number, to: number, depth: number): Node {
  const first = sorted[from]!;
  const last = sorted[to - 1]!;
  let alike = depth;
  while (alike < first.length && first[alike] === last[alike]) alike++;
  const branches: Node[] = [];
  if (first.length === alike) branches.push(grammar.empty);
  for (let at = from + branches.length; at < to; ) {
    const next = endOfRun(sorted, at, to, alike);
    const rest = wordsFrom(grammar, sorted, at, next, alike + 1);
    branches.push(grammar.sequence([character(grammar, sorted[at]![alike]!), rest]));
    at = next;
  }
  const beginning = first.slice(depth, alike).map((codePoint) => character(grammar, codePoint));
  return grammar.sequence([...beginning, grammar.choice(branches)]);
}

/** End of the words that have the same character at `depth` as the one at `from`. */
function endOfRun(sorted: readonly number[][], from: number, to: number, depth: number): number {
  let end = from + 1;
  while (end < to && sorted[end]![depth] === sorted[from]![depth]) end++;
  return end;
}

function character(grammar: Grammar, codePoint: number): Node {
  return utf8(grammar, [[codePoint, codePoint]]);
}

/** A lone surrogate is U+FFFD, as in all encoded text. */
export function codePoints(text: string): number[] {
  return Array.from(text, (character) => (/\p{Surrogate}/u.test(character) ? 0xfffd : character.codePointAt(0)!));
}

function compare(a: readonly number[], b: readonly number[]): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
