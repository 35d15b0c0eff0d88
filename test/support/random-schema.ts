/** Random JSON schemas of what docs/constrained.md states. */
import type { JsonSchema } from "../../host/constraint/index.ts";

type Next = (below: number) => number;

const NAMES = ["name", "age", "tags", "ключ", 'quo"te', "a b", "x/y", "~id", "constructor", "naïve", "n", "na"];
const PATTERNS = ["^[a-z]+$", "\\d{2,4}", "^(foo|ba[rz]) ?\\w*$", '^[^\\s"]{1,5}$', "é|→", "^\\S+@\\S+$", "x$"];
const FORMATS = ["date", "time", "date-time", "duration", "uuid", "email", "hostname", "ipv4", "uri"];
const VALUES = [null, true, 0, -1.5, 1e21, "", "a", 'say "hi"\n', "😀", [], {}, [1, [2]], { a: { b: [null] } }];

/** @param next whole numbers below its argument */
export function randomSchema(next: Next): JsonSchema {
  const definitions = ["list", "tree"];
  const schema = schemaOf(next, 3, definitions) as Record<string, unknown>;
  if (typeof schema === "boolean") return schema;
  const $defs = {
    list: {
      type: "object",
      properties: { value: schemaOf(next, 1, []), next: { anyOf: [{ type: "null" }, { $ref: "#/$defs/list" }] } },
      required: ["value", "next"],
    },
    tree: { type: "array", items: { $ref: "#/$defs/tree" }, maxItems: 1 + next(3) },
  };
  return { ...schema, $defs, title: "random" };
}

function schemaOf(next: Next, depth: number, definitions: readonly string[]): JsonSchema {
  const inner = () => schemaOf(next, depth - 1, definitions);
  const kinds = depth > 0 ? 14 : 8;
  switch (next(kinds)) {
    case 0:
      return stringOf(next);
    case 1:
      return { type: "integer", ...boundsOf(next, (x) => Math.round(x)) };
    case 2:
      return { type: "number", ...boundsOf(next, (x) => Number(x.toFixed(next(4)))) };
    case 3:
      return { type: next(2) ? "boolean" : "null" };
    case 4:
      return next(2) ? { enum: some(next, VALUES) } : { const: VALUES[next(VALUES.length)] };
    case 5:
      return definitions.length > 0 ? { $ref: `#/$defs/${definitions[next(definitions.length)]}` } : stringOf(next);
    case 6:
      return { type: some(next, ["null", "boolean", "integer", "number", "string"]) };
    case 7:
      return next(3) ? stringOf(next) : next(2) === 1 || {};
    case 8:
    case 9:
      return objectOf(next, inner);
    case 10:
      return arrayOf(next, inner);
    case 11:
      return { anyOf: [inner(), inner()] };
    case 12:
      return oneOf(next, inner);
    default:
      return allOf(next, inner);
  }
}

function stringOf(next: Next): JsonSchema {
  const minLength = next(4);
  const lengths = { minLength, maxLength: minLength + next(12) };
  const kinds = [
    { type: "string" },
    { type: "string", ...lengths },
    { type: "string", pattern: PATTERNS[next(PATTERNS.length)] },
    { type: "string", pattern: PATTERNS[next(PATTERNS.length)], maxLength: 6 + next(20) },
    { type: "string", format: FORMATS[next(FORMATS.length)] },
    { maxLength: 8 },
  ];
  return kinds[next(kinds.length)]!;
}

function boundsOf(next: Next, round: (x: number) => number): Record<string, number> {
  const low = round((next(2001) - 1000) / [1, 7, 1000][next(3)]!);
  const high = low + round(1 + next(500));
  const bounds: Record<string, number> = {};
  if (next(2)) bounds[next(3) ? "minimum" : "exclusiveMinimum"] = low;
  if (next(2)) bounds[next(3) ? "maximum" : "exclusiveMaximum"] = high;
  return bounds;
}

function objectOf(next: Next, inner: () => JsonSchema): JsonSchema {
  const names = some(next, NAMES).slice(0, 4);
  const properties = Object.fromEntries(names.map((name) => [name, inner()]));
  switch (next(5)) {
    case 0:
      return { type: "object", additionalProperties: inner(), maxProperties: 1 + next(3), minProperties: next(2) };
    case 1:
      return { type: "object", properties, required: names.filter(() => next(2)), additionalProperties: inner() };
    case 2:
      return { type: "object", properties, required: names, additionalProperties: false };
    case 3:
      return { type: "object", propertyNames: { pattern: "^[a-c]{1,3}$" }, additionalProperties: inner() };
    default:
      return { properties, required: names.filter(() => next(2)) };
  }
}

function arrayOf(next: Next, inner: () => JsonSchema): JsonSchema {
  const minItems = next(3);
  const counts = { minItems, maxItems: minItems + next(3) };
  return next(3)
    ? { type: "array", items: inner(), ...counts }
    : { type: "array", prefixItems: [inner(), inner()], ...(next(2) ? { items: inner() } : {}), ...counts };
}

/** Alternatives that a type, or a property of its own, tells apart. */
function oneOf(next: Next, inner: () => JsonSchema): JsonSchema {
  if (next(2))
    return {
      oneOf: [
        { type: "integer", minimum: 5 },
        { type: "string", maxLength: 4 },
        { type: "number", maximum: 4.5 },
      ],
    };
  const tagged = (kind: string) => ({
    type: "object",
    properties: { kind: { const: kind }, it: inner() },
    required: ["kind"],
  });
  return { oneOf: [tagged("a"), tagged("b")] };
}

function allOf(next: Next, inner: () => JsonSchema): JsonSchema {
  const parts = [
    { type: "object", properties: { a: inner() }, required: ["a"] },
    { properties: { b: { type: "string", minLength: 1 } }, anyOf: [{ required: ["b"] }, { required: ["c"] }] },
  ];
  return next(2)
    ? { allOf: parts }
    : {
        allOf: [
          { type: "string", minLength: 2 },
          { maxLength: 9, pattern: "[aeiou]" },
        ],
      };
}

/** One or more, in their order. */
function some<T>(next: Next, values: readonly T[]): T[] {
  const chosen = values.filter(() => next(3) === 0);
  return chosen.length > 0 ? chosen : [values[next(values.length)]!];
}
