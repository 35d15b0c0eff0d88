import { WkvError } from "../errors.ts";
import { areDisjoint, merge } from "./combine.ts";
import { arrayNode, objectNode } from "./containers.ts";
import type { Grammar, Node, Rule } from "./grammar.ts";
import { Json, type Whitespace } from "./json.ts";
import {
  asArray,
  type Compile,
  isObject,
  type JsonSchema,
  KEYWORDS_OF,
  type Keywords,
  readKeywords,
  TYPES,
  type Type,
  typeOf,
  wrong,
} from "./keywords.ts";
import { type Bounds, integerNode, numberNode } from "./numbers.ts";
import { stringNode } from "./strings.ts";

/** Limit for nesting, apart from `$ref`. */
const MAX_DEPTH = 64;
/** Limit for the alternatives that `allOf`, `anyOf` and `oneOf` of one place multiply to. */
const MAX_ALTERNATIVES = 1000;

/** Limit for the values in a schema, however nested: the same object may be in it many times. */
const MAX_VALUES = 200_000;

/** Limit for compared pairs of alternatives of `oneOf`. */
const MAX_COMPARISONS = 50_000;

/**
 * The JSON texts that match a schema, as a node; sometimes a subset, see docs/constrained.md.
 * @throws WkvError `bad-constraint` naming the keyword that is wrong or not supported
 */
export function schemaNode(grammar: Grammar, schema: JsonSchema, whitespace: Whitespace): Node {
  return new SchemaCompiler(grammar, plainJson(schema), whitespace).compile();
}

/** What `JSON.stringify` sees of it: no functions, no cycles. */
function plainJson(schema: unknown): JsonSchema {
  let values = 0;
  const checked = (name: string, value: unknown) => {
    if (++values > MAX_VALUES) throw wrong("#", `it has more than ${MAX_VALUES} values`);
    if (typeof value === "number" && !Number.isFinite(value))
      throw wrong("#", `"${name}" is ${value}: a JSON schema has finite numbers only`);
    return value;
  };
  try {
    return JSON.parse(JSON.stringify(schema, checked));
  } catch (error) {
    if (error instanceof WkvError) throw error;
    if (error instanceof RangeError) throw wrong("#", "it is nested too deeply");
    throw wrong("#", `it is not JSON: ${(error as Error).message.split("\n")[0]}`);
  }
}

class SchemaCompiler {
  readonly #grammar: Grammar;
  readonly #schema: JsonSchema;
  readonly #json: Json;
  /** By reference. */
  readonly #rules = new Map<string, Rule>();
  /** For schemas that resolve references, such as `allOf` of a `$ref`: these may be recursive. */
  readonly #combinedRules = new Map<JsonSchema, Rule>();
  /** Rules without a body, and what creates it. */
  readonly #open: { rule: Rule; body: () => Node }[] = [];
  /** Arrays of `oneOf` that are checked, or being checked: one may contain itself. */
  readonly #checked = new Set<readonly JsonSchema[]>();
  #depth = 0;
  #alternatives = 0;
  #comparisons = 0;

  constructor(grammar: Grammar, schema: JsonSchema, whitespace: Whitespace) {
    this.#grammar = grammar;
    this.#schema = schema;
    this.#json = new Json(grammar, whitespace);
  }

  compile(): Node {
    const root = this.#rule("#");
    for (let next = this.#open.pop(); next; next = this.#open.pop()) next.rule.body = next.body();
    return root;
  }

  /** References become rules, so a definition is compiled once, and may refer to itself. */
  #rule(reference: string): Rule {
    let rule = this.#rules.get(reference);
    if (!rule) {
      rule = this.#grammar.rule();
      this.#rules.set(reference, rule);
      this.#open.push({ rule, body: () => this.#value(this.#resolve(reference, reference), reference) });
    }
    return rule;
  }

  #value(schema: JsonSchema, where: string): Node {
    if (++this.#depth > MAX_DEPTH)
      throw wrong(where, `it is nested deeper than ${MAX_DEPTH}, or without end in "allOf"`);
    const keywords = readKeywords(schema, where);
    const node = this.#simple(keywords, where) ?? this.#recursive(schema, where) ?? this.#combined(schema, where);
    this.#depth--;
    return node;
  }

  /** A rule for a schema that may be recursive: it is compiled once. */
  #recursive(schema: JsonSchema, where: string): Node | undefined {
    if (!mayRecurse(schema)) return undefined;
    let rule = this.#combinedRules.get(schema);
    if (!rule) {
      rule = this.#grammar.rule();
      this.#combinedRules.set(schema, rule);
      this.#open.push({ rule, body: () => this.#combined(schema, where) });
    }
    return rule;
  }

  /** The cases that need no merging. */
  #simple(keywords: Keywords, where: string): Node | undefined {
    const names = Object.keys(keywords);
    if (names.length > 1) return undefined;
    const [name] = names;
    if (name === "$ref") {
      this.#resolve(keywords.$ref as string, where);
      return this.#rule(keywords.$ref as string);
    }
    if (name !== "anyOf" && name !== "oneOf") return undefined;
    const schemas = keywords[name] as JsonSchema[];
    if (name === "oneOf") this.#checkOneOf(schemas, where);
    return this.#grammar.choice(schemas.map((each, i) => this.#value(each, `${where}/${name}/${i}`)));
  }

  #combined(schema: JsonSchema, where: string): Node {
    this.#alternatives = 0;
    const alternatives = this.#alternativesOf(schema, where, 0);
    return this.#grammar.choice(alternatives.map((keywords) => this.#plain(keywords, where)));
  }

  /** The schema as alternatives without `$ref`, `allOf`, `anyOf` and `oneOf`. */
  #alternativesOf(schema: JsonSchema, where: string, depth: number): Keywords[] {
    if (depth > MAX_DEPTH) throw wrong(where, "it refers to itself without a value in between");
    const { $ref, allOf = [], anyOf, oneOf, ...base } = readKeywords(schema, where);
    const inner = (each: JsonSchema, at: string) => this.#alternativesOf(each, at, depth + 1);
    const together: Keywords[][] = [[base]];
    if ($ref !== undefined) together.push(inner(this.#resolve($ref as string, where), $ref as string));
    (allOf as JsonSchema[]).forEach((each, i) => {
      together.push(inner(each, `${where}/allOf/${i}`));
    });
    for (const [name, schemas] of Object.entries({ anyOf, oneOf }) as [string, JsonSchema[] | undefined][]) {
      if (!schemas) continue;
      if (name === "oneOf") this.#checkOneOf(schemas, where);
      together.push(schemas.flatMap((each, i) => inner(each, `${where}/${name}/${i}`)));
    }
    return together.reduce((left, right) => left.flatMap((a) => right.map((b) => this.#merge(a, b, where))));
  }

  #merge(a: Keywords, b: Keywords, where: string): Keywords {
    if (++this.#alternatives > MAX_ALTERNATIVES)
      throw wrong(where, `"allOf", "anyOf" and "oneOf" multiply to more than ${MAX_ALTERNATIVES} alternatives`);
    return Object.keys(a).length === 0 ? b : merge(a, b, where);
  }

  /** `oneOf` requires exactly one to hold, so no other may hold by accident. */
  #checkOneOf(schemas: readonly JsonSchema[], where: string): void {
    if (this.#checked.has(schemas)) return;
    this.#checked.add(schemas);
    const all = schemas.map((schema) => this.#alternativesOf(schema, `${where}/oneOf`, 0));
    all.forEach((some, i) => {
      all.slice(0, i).forEach((others, j) => {
        if (!some.every((a) => others.every((b) => this.#areDisjoint(a, b, where))))
          throw wrong(
            where,
            `alternatives ${j} and ${i} of "oneOf" may hold for the same value: give them different types, a required ` +
              'property that is a different "const" in each, or use "anyOf"',
          );
      });
    });
  }

  #countComparison(where: string): void {
    if (++this.#comparisons > MAX_COMPARISONS)
      throw wrong(where, '"oneOf" has too many alternatives to prove that only one can hold: use "anyOf"');
  }

  #areDisjoint(a: Keywords, b: Keywords, where: string): boolean {
    this.#countComparison(where);
    return areDisjoint(a, b, (schema) => {
      this.#countComparison(where);
      return this.#alternativesOf(schema, `${where}/oneOf`, 0);
    });
  }

  #resolve(reference: string, where: string): JsonSchema {
    if (reference !== "#" && !reference.startsWith("#/"))
      throw wrong(where, `the reference "${reference}" is not supported; supported: those such as "#/$defs/name"`);
    let at: unknown = this.#schema;
    for (const part of reference.split("/").slice(1)) {
      const name = unescaped(part).replaceAll("~1", "/").replaceAll("~0", "~");
      const isThere = (isObject(at) || Array.isArray(at)) && Object.hasOwn(at, name);
      at = isThere ? (at as Record<string, unknown>)[name] : undefined;
    }
    if (at === undefined) throw wrong(where, `the reference "${reference}" points to nothing`);
    return at as JsonSchema;
  }

  /** @param keywords without references and combinations */
  #plain(keywords: Keywords, where: string): Node {
    if (Object.keys(keywords).length === 0) return this.#json.value;
    if (keywords.enum) return this.#values(keywords, where);
    const types = impliedTypes(keywords);
    checkFormat(keywords, types, where);
    const narrow = types.includes("number") ? types.filter((type) => type !== "integer") : types;
    return this.#grammar.choice(narrow.map((type) => this.#ofType(type, keywords, where)));
  }

  /** One of the values of `enum`, written as by `JSON.stringify`. */
  #values(keywords: Keywords, where: string): Node {
    const { enum: values, type, ...rest } = keywords;
    const [other] = Object.keys(rest);
    if (other !== undefined)
      throw wrong(where, `"enum" beside "${other}" is not supported: remove the values for which it does not hold`);
    const types = type === undefined ? TYPES : (asArray(type) as Type[]);
    const allowed = (values as unknown[]).filter((value) => {
      const own = typeOf(value);
      return types.includes(own) || (own === "integer" && types.includes("number"));
    });
    return this.#json.literals(allowed);
  }

  #ofType(type: Type, keywords: Keywords, where: string): Node {
    const compile: Compile = (schema, at) => this.#value(schema, at);
    switch (type) {
      case "null":
        return this.#json.literals([null]);
      case "boolean":
        return this.#json.literals([false, true]);
      case "integer":
        return integerNode(this.#json, withFormat(keywords));
      case "number":
        if (keywords.format === "int32") return integerNode(this.#json, withFormat(keywords));
        return numberNode(this.#json, keywords as Bounds, where);
      case "string":
        return stringNode(this.#json, stringRules(keywords), where);
      case "array":
        return arrayNode(this.#json, keywords, where, compile);
      case "object":
        return objectNode(this.#json, keywords, where, compile);
    }
  }
}

/** OpenAPI's formats of numbers. `float` and `double` hold for every number. */
const NUMBER_FORMATS: readonly unknown[] = ["int32", "float", "double"];

/** @throws WkvError `bad-constraint` for a format that applies to none of the types: ignoring it would be wrong */
function checkFormat({ format }: Keywords, types: readonly Type[], where: string): void {
  if (format === undefined || types.includes("string")) return;
  const isNumber = types.includes("number") || types.includes("integer");
  if (isNumber && asArray(format).every((each) => NUMBER_FORMATS.includes(each))) return;
  throw wrong(
    where,
    `the format ${JSON.stringify(format)} is not supported for the type ${types.join(" or ")}` +
      (isNumber ? `; supported are ${NUMBER_FORMATS.join(", ")}, or use "minimum" and "maximum"` : ": leave it out"),
  );
}

/** The bounds of a number combined with those of its format. */
function withFormat(keywords: Keywords): Bounds {
  const { minimum = -Infinity, maximum = Infinity, ...rest } = keywords as Record<string, number>;
  if (!asArray(keywords.format).includes("int32")) return keywords as Bounds;
  return { ...rest, minimum: Math.max(minimum, -(2 ** 31)), maximum: Math.min(maximum, 2 ** 31 - 1) } as Bounds;
}

/** Whether expanding a schema resolves a reference, so that it may be recursive. */
function mayRecurse(schema: JsonSchema, depth = 0): boolean {
  if (!isObject(schema) || depth > MAX_DEPTH) return false;
  if ("$ref" in schema) return true;
  const parts = [schema.allOf, schema.anyOf, schema.oneOf].flatMap((each) => (Array.isArray(each) ? each : []));
  return parts.some((part) => mayRecurse(part, depth + 1));
}

function stringRules(keywords: Keywords) {
  const { minLength = 0, maxLength = Infinity, pattern, format } = keywords as Record<string, number | undefined>;
  const texts = (value: unknown) => (value === undefined ? [] : (asArray(value) as string[]));
  return { minLength, maxLength, patterns: texts(pattern), formats: texts(format) };
}

/** Without `type`, the types that the other keywords apply to; all types if there are none. */
function impliedTypes(keywords: Keywords): readonly Type[] {
  if (keywords.type !== undefined) return asArray(keywords.type) as Type[];
  const types = (Object.keys(KEYWORDS_OF) as (keyof typeof KEYWORDS_OF)[]).filter((type) =>
    KEYWORDS_OF[type].some((keyword) => keyword in keywords),
  );
  return types.length > 0 ? types : TYPES;
}

/** A reference is a URL fragment, and may be percent-encoded. */
function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
