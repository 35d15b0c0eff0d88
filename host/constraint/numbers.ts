import { WkvError } from "../errors.ts";
import type { Node } from "./grammar.ts";
import { type Json, MAX_DIGITS } from "./json.ts";

const ZERO = 0x30;
const NINE = 0x39;
/** The largest number that is generated if a schema has no bound. */
const LARGEST = 10 ** MAX_DIGITS - 1;

/** Bounds of a number; an exclusive bound is not included. */
export interface Bounds {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** Whole numbers within the bounds, without exponent. Beyond 2^53 too: the bounds are exact there. */
export function integerNode(json: Json, bounds: Bounds): Node {
  const [low, high] = wholeBounds(bounds);
  const parts: Node[] = [];
  if (high >= 0n) parts.push(naturals(json, low > 0n ? low : 0n, high));
  if (low < 0n) parts.push(json.grammar.sequence([json.text("-"), naturals(json, high < 0n ? -high : 1n, -low)]));
  return json.grammar.choice(parts);
}

/** Where there is no bound, numbers end after `MAX_DIGITS` digits, or after as many as the other bound has. */
function wholeBounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Bounds): [low: bigint, high: bigint] {
  const lows = [minimum, exclusiveMinimum].map((bound, i) => bound !== undefined && (i ? above(bound) : up(bound)));
  const highs = [maximum, exclusiveMaximum].map((bound, i) => bound !== undefined && (i ? below(bound) : down(bound)));
  const low = lows.reduce((most, each) => (most === false || (each !== false && each > most) ? each : most));
  const high = highs.reduce((least, each) => (least === false || (each !== false && each < least) ? each : least));
  return [low === false ? -largest(high) : low, high === false ? largest(low) : high];
}

const up = (bound: number) => BigInt(Math.ceil(bound));
const down = (bound: number) => BigInt(Math.floor(bound));
const above = (bound: number) => down(bound) + 1n;
const below = (bound: number) => up(bound) - 1n;

/** The largest number of as many digits as `other` has, at least `MAX_DIGITS`. */
function largest(other: bigint | false): bigint {
  const digits = String(other || 0n).replace("-", "").length;
  return 10n ** BigInt(Math.max(MAX_DIGITS, digits)) - 1n;
}

/** Whole numbers from `low` to `high`, neither of them negative. */
function naturals(json: Json, low: bigint, high: bigint): Node {
  const { grammar } = json;
  if (low > high) return grammar.never;
  const [first, last] = [String(low), String(high)];
  const parts: Node[] = [];
  for (let length = first.length; length <= last.length; length++) {
    const from = length === first.length ? first : `1${"0".repeat(length - 1)}`;
    const to = length === last.length ? last : "9".repeat(length);
    parts.push(digitsBetween(json, from, to));
  }
  return grammar.choice(parts);
}

/** Digits from `first` to `last`, which have equal length. */
function digitsBetween(json: Json, first: string, last: string): Node {
  const { grammar, digit } = json;
  const after = first.length - 1;
  if (/^0*$/.test(first) && /^9*$/.test(last)) return grammar.repeat(digit, first.length, first.length);
  const [low, high] = [first.charCodeAt(0), last.charCodeAt(0)];
  const one = (code: number, from: string, to: string) =>
    grammar.sequence([grammar.symbols(code, code), digitsBetween(json, from, to)]);
  if (low === high) return one(low, first.slice(1), last.slice(1));
  const parts = [one(low, first.slice(1), "9".repeat(after)), one(high, "0".repeat(after), last.slice(1))];
  if (high - low > 1)
    parts.push(grammar.sequence([grammar.symbols(low + 1, high - 1), grammar.repeat(digit, after, after)]));
  return grammar.choice(parts);
}

/** A bound >= 0. */
interface Bound {
  readonly whole: number;
  /** Decimal digits, without trailing zeros. */
  readonly fraction: string;
  /** Not included. */
  readonly open: boolean;
  /**
   * Maximum decimal digits next to this bound. A decimal number is rounded to the nearest double, which may be the
   * bound: that matters if it is exclusive, and cannot happen with 15 digits in total.
   */
  readonly places: number;
}

/** Numbers within the bounds, without exponent; any number if there are none. */
export function numberNode(json: Json, bounds: Bounds, where: string): Node {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = bounds;
  if ([minimum, maximum, exclusiveMinimum, exclusiveMaximum].every((bound) => bound === undefined)) return json.number;
  const low = Math.max(minimum ?? -LARGEST, exclusiveMinimum ?? -Infinity);
  const high = Math.min(maximum ?? LARGEST, exclusiveMaximum ?? Infinity);
  const bound = (value: number) =>
    boundOf(value, value === exclusiveMinimum || value === exclusiveMaximum, `${where} has the bound ${value}`);
  const zero = boundOf(0, low === 0 && exclusiveMinimum === 0, where);
  const parts: Node[] = [];
  if (high >= 0) parts.push(decimals(json, low <= 0 ? (low === 0 ? zero : CLOSED_ZERO) : bound(low), bound(high)));
  if (low < 0) {
    const negative = decimals(json, high < 0 ? bound(high) : OPEN_ZERO, bound(low));
    parts.push(json.grammar.sequence([json.text("-"), negative]));
  }
  return json.grammar.choice(parts);
}

const CLOSED_ZERO = boundOf(0, false, "");
const OPEN_ZERO = boundOf(0, true, "");

/** For the absolute value. */
function boundOf(value: number, open: boolean, what: string): Bound {
  const [whole = "", fraction = ""] = String(Math.abs(value)).split(".");
  const places = open ? MAX_DIGITS - whole.length : Math.max(MAX_DIGITS, fraction.length);
  if (!/^\d{1,15}$/.test(whole) || !/^\d*$/.test(fraction))
    throw new WkvError(
      "bad-constraint",
      `${what}, which is not supported: bounds must have at most ${MAX_DIGITS} digits before the point, and not be so small that they are written with an exponent.`,
    );
  return { whole: Number(whole), fraction, open, places };
}

function decimals(json: Json, low: Bound, high: Bound): Node {
  const { grammar } = json;
  if (low.whole > high.whole) return grammar.never;
  const from = json.text(String(low.whole));
  if (low.whole === high.whole)
    return grammar.sequence([from, behindPoint(json, between(json, low, high, Math.min(low.places, high.places)))]);
  const any = grammar.repeat(json.digit, 0, MAX_DIGITS);
  return grammar.choice([
    grammar.sequence([from, behindPoint(json, atLeast(json, low.fraction, low.open, low.places))]),
    grammar.sequence([naturals(json, BigInt(low.whole) + 1n, BigInt(high.whole) - 1n), behindPoint(json, any)]),
    grammar.sequence([
      json.text(String(high.whole)),
      behindPoint(json, atMost(json, high.fraction, high.open, high.places)),
    ]),
  ]);
}

/** A point and the digits, or nothing if there may be no digits. */
function behindPoint(json: Json, digits: Node): Node {
  const some = json.grammar.sequence([json.text("."), json.grammar.withoutEmpty(digits)]);
  return digits.nullable ? json.grammar.optional(some) : some;
}

/** Up to `places` digits d such that 0.d is at least 0.`fraction`, or greater. */
function atLeast(json: Json, fraction: string, more: boolean, places: number): Node {
  const { grammar, digit } = json;
  if (fraction === "" && !more) return grammar.repeat(digit, 0, places);
  if (places === 0) return grammar.never;
  const first = fraction === "" ? ZERO : fraction.charCodeAt(0);
  const same = grammar.sequence([grammar.symbols(first, first), atLeast(json, fraction.slice(1), more, places - 1)]);
  return grammar.choice([same, larger(json, first, NINE + 1, places)]);
}

/** Likewise for at most, or less. */
function atMost(json: Json, fraction: string, less: boolean, places: number): Node {
  const { grammar } = json;
  if (places === 0 && fraction !== "") return grammar.empty;
  if (fraction === "") return less ? grammar.never : grammar.repeat(grammar.symbols(ZERO, ZERO), 0, places);
  const first = fraction.charCodeAt(0);
  const same = grammar.sequence([grammar.symbols(first, first), atMost(json, fraction.slice(1), less, places - 1)]);
  return grammar.choice([grammar.empty, same, larger(json, ZERO - 1, first, places)]);
}

/** Digits of which the first is strictly between the two. */
function larger(json: Json, low: number, high: number, places: number): Node {
  const { grammar, digit } = json;
  if (high - low < 2) return grammar.never;
  return grammar.sequence([grammar.symbols(low + 1, high - 1), grammar.repeat(digit, 0, places - 1)]);
}

/** Digits after a whole part that both bounds share. */
function between(json: Json, low: Bound, high: Bound, places: number): Node {
  const { grammar } = json;
  if (high.fraction === "")
    return low.fraction !== "" || low.open || high.open
      ? grammar.never
      : grammar.repeat(grammar.symbols(ZERO, ZERO), 0, places);
  const parts: Node[] = low.fraction === "" && !low.open ? [grammar.empty] : [];
  if (places > 0) {
    const first = low.fraction === "" ? ZERO : low.fraction.charCodeAt(0);
    const last = high.fraction.charCodeAt(0);
    const lower = { ...low, fraction: low.fraction.slice(1) };
    const upper = { ...high, fraction: high.fraction.slice(1) };
    const digit = (code: number, rest: Node) => grammar.sequence([grammar.symbols(code, code), rest]);
    if (first === last) parts.push(digit(first, between(json, lower, upper, places - 1)));
    if (first < last) {
      parts.push(digit(first, atLeast(json, lower.fraction, low.open, places - 1)), larger(json, first, last, places));
      parts.push(digit(last, atMost(json, upper.fraction, high.open, places - 1)));
    }
  }
  return grammar.choice(parts);
}
