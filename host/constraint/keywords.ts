import { WkvError } from "../errors.ts";
import type { Node } from "./grammar.ts";

/** A JSON schema: `true`, `false` or an object of keywords. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };
/** A schema that is an object. */
export type Keywords = { readonly [keyword: string]: unknown };
/** Compiles a nested schema to a node. @param where its JSON pointer, such as `#/properties/name` */
export type Compile = (schema: JsonSchema, where: string) => Node;

/** Keywords that do not restrict values. */
const ANNOTATIONS = new Set([
  ..."title description default examples deprecated readOnly writeOnly $schema $id $comment $defs definitions".split(
    " ",
  ),
  ..."contentEncoding contentMediaType discriminator".split(" "),
]);

export const TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"] as const;
export type Type = (typeof TYPES)[number];

/** The expected value of each keyword. */
const EXPECTED: Record<string, [what: string, holds: (value: unknown) => boolean]> = {
  type: ["a type or an array of types", (value) => asArray(value).length > 0 && asArray(value).every(isType)],
  enum: ["an array", (value) => Array.isArray(value)],
  const: ["a value", () => true],
  $ref: ["a text", isText],
  allOf: ["an array of schemas", isSchemas],
  anyOf: ["an array of schemas", isSchemas],
  oneOf: ["an array of schemas", isSchemas],
  properties: ["an object of schemas", (value) => isObject(value) && Object.values(value).every(isSchema)],
  required: ["an array of texts", (value) => Array.isArray(value) && value.every(isText)],
  additionalProperties: ["a schema", isSchema],
  propertyNames: ["a schema", isSchema],
  minProperties: ["a whole number >= 0", isCount],
  maxProperties: ["a whole number >= 0", isCount],
  items: ['a schema (an array of them is called "prefixItems")', isSchema],
  prefixItems: ["an array of schemas", isSchemas],
  minItems: ["a whole number >= 0", isCount],
  maxItems: ["a whole number >= 0", isCount],
  minLength: ["a whole number >= 0", isCount],
  maxLength: ["a whole number >= 0", isCount],
  pattern: ["a text", isText],
  format: ["a text", isText],
  minimum: ["a number", Number.isFinite],
  maximum: ["a number", Number.isFinite],
  exclusiveMinimum: ["a number", Number.isFinite],
  exclusiveMaximum: ["a number", Number.isFinite],
};

/** The keywords that apply to each type. */
export const KEYWORDS_OF: Record<"object" | "array" | "string" | "number", readonly string[]> = {
  object: ["properties", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties"],
  array: ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
};

/**
 * The keywords of a schema that restrict values, with `const` as an `enum` of one.
 * @throws WkvError `bad-constraint` naming a keyword that is not supported or has a wrong value
 */
export function readKeywords(schema: JsonSchema, where: string): Keywords {
  if (typeof schema === "boolean") return schema ? {} : { enum: [] };
  if (!isObject(schema)) throw wrong(where, `expected a schema, got ${JSON.stringify(schema)}`);
  const keywords: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (ANNOTATIONS.has(keyword) || value === undefined) continue;
    const expected = Object.hasOwn(EXPECTED, keyword) ? EXPECTED[keyword] : undefined;
    if (!expected)
      throw wrong(where, `"${keyword}" is not supported; supported are ${Object.keys(EXPECTED).join(", ")}`);
    if (!expected[1](value)) throw wrong(where, `"${keyword}" expected ${expected[0]}, got ${short(value)}`);
    keywords[keyword] = value;
  }
  if ("const" in keywords) {
    const { const: only, enum: values, ...rest } = keywords;
    const isValid = values === undefined || (values as unknown[]).some((value) => sameJson(value, only));
    return { ...rest, enum: isValid ? [only] : [] };
  }
  return keywords;
}

export function wrong(where: string, what: string): WkvError {
  return new WkvError("bad-constraint", `The JSON schema at ${where}: ${what}.`);
}

function short(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSchema(value: unknown): boolean {
  return typeof value === "boolean" || isObject(value);
}

function isSchemas(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isSchema);
}

function isType(value: unknown): boolean {
  return TYPES.includes(value as Type);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether two JSON values are equal, ignoring the order of keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b))
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((each, i) => sameJson(each, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]))
  );
}

/** The narrowest type of a JSON value. */
export function typeOf(value: unknown): Type {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value as Type;
}
