import {
  asArray,
  isObject,
  type JsonSchema,
  type Keywords,
  sameJson,
  TYPES,
  type Type,
  typeOf,
  wrong,
} from "./keywords.ts";

/** The stricter of two values of a keyword. */
const STRICTER: Record<string, (a: number, b: number) => number> = {
  minLength: Math.max,
  minItems: Math.max,
  minProperties: Math.max,
  minimum: Math.max,
  exclusiveMinimum: Math.max,
  maxLength: Math.min,
  maxItems: Math.min,
  maxProperties: Math.min,
  maximum: Math.min,
  exclusiveMaximum: Math.min,
};

/**
 * The schema that holds if both hold. Afterwards `pattern` and `format` may be arrays, all of which apply.
 * @param a keywords without `$ref`, `allOf`, `anyOf` and `oneOf`; so is `b`
 */
export function merge(a: Keywords, b: Keywords, where: string): Keywords {
  if (("prefixItems" in a && "items" in b) || ("prefixItems" in b && "items" in a))
    throw wrong(where, '"prefixItems" and "items" of schemas that must both hold are not supported');
  const merged: Record<string, unknown> = { ...a };
  for (const [keyword, value] of Object.entries(b)) {
    if (!(keyword in a)) merged[keyword] = value;
    else if (!sameJson(a[keyword], value)) merged[keyword] = mergeValues(keyword, a[keyword], value, where);
  }
  if ("properties" in a || "properties" in b) merged.properties = mergeProperties(a, b);
  return merged;
}

function mergeValues(keyword: string, a: unknown, b: unknown, where: string): unknown {
  const stricter = STRICTER[keyword];
  if (stricter) return stricter(a as number, b as number);
  switch (keyword) {
    case "properties":
      return a; // see mergeProperties
    case "type":
      return commonTypes(asArray(a) as Type[], asArray(b) as Type[]);
    case "enum":
      return (a as unknown[]).filter((value) => (b as unknown[]).some((other) => sameJson(value, other)));
    case "required":
      return [...new Set([...(a as string[]), ...(b as string[])])];
    case "pattern":
    case "format":
      return [...new Set([...asArray(a), ...asArray(b)])];
    case "items":
    case "additionalProperties":
    case "propertyNames":
      return { allOf: [a, b] };
    default:
      throw wrong(where, `"${keyword}" of schemas that must both hold is not supported`);
  }
}

/** The types that both allow. An integer is a number. */
function commonTypes(a: readonly Type[], b: readonly Type[]): Type[] {
  const allows = (types: readonly Type[], type: Type) =>
    types.includes(type) || (type === "integer" && types.includes("number"));
  const common = TYPES.filter((type) => allows(a, type) && allows(b, type));
  return common.includes("number") ? common.filter((type) => type !== "integer") : common;
}

/** A property named by only one of the two is an additional one for the other. */
function mergeProperties(a: Keywords, b: Keywords): Record<string, JsonSchema> {
  const [inA, inB] = [propertiesOf(a), propertiesOf(b)];
  const names = new Set([...Object.keys(inA), ...Object.keys(inB)]);
  const entries = [...names].map((name) => {
    const schemas = [
      Object.hasOwn(inA, name) ? inA[name] : a.additionalProperties,
      Object.hasOwn(inB, name) ? inB[name] : b.additionalProperties,
    ].filter((schema) => schema !== undefined) as JsonSchema[];
    const [first, second] = schemas;
    return [name, second === undefined || sameJson(first, second) ? first : { allOf: schemas }] as const;
  });
  return Object.fromEntries(entries) as Record<string, JsonSchema>;
}

export function propertiesOf(schema: Keywords): Record<string, JsonSchema> {
  return isObject(schema.properties) ? (schema.properties as Record<string, JsonSchema>) : {};
}

/** The possible types of a value. */
export function typesOf(schema: Keywords): readonly Type[] {
  if (schema.enum) {
    const types = new Set((schema.enum as unknown[]).map(typeOf));
    return schema.type ? commonTypes([...types], asArray(schema.type) as Type[]) : [...types];
  }
  return schema.type === undefined ? TYPES : (asArray(schema.type) as Type[]);
}

/**
 * Whether no value can be valid for both, judged by types, `enum`, bounds of numbers, and properties of objects: a "no"
 * may be wrong, a "yes" is certain.
 * @param alternatives the alternatives that a property's schema expands to
 */
export function areDisjoint(
  a: Keywords,
  b: Keywords,
  alternatives: (schema: JsonSchema) => readonly Keywords[],
  within: Pairs = [],
): boolean {
  if (a.enum && b.enum) return !(a.enum as unknown[]).some((v) => (b.enum as unknown[]).some((w) => sameJson(v, w)));
  return commonTypes(typesOf(a), typesOf(b)).every((type) => {
    if (type === "object") return areDisjointObjects(a, b, alternatives, within);
    if (type === "integer" || type === "number") return areApart(a, b) || areApart(b, a);
    return false;
  });
}

/** Properties being compared, from the outermost on: schemas may be recursive. */
type Pairs = readonly (readonly [JsonSchema, JsonSchema])[];

/** Most schemas distinguish alternatives by a `const`: then no other property needs to be compared. */
function tagsFirst(names: readonly string[], properties: Readonly<Record<string, JsonSchema>>): string[] {
  const isTag = (name: string) => {
    const schema = properties[name];
    return isObject(schema) && ("const" in schema || "enum" in schema);
  };
  return [...names.filter(isTag), ...names.filter((name) => !isTag(name))];
}

/** All numbers of `a` are below all of `b`. */
function areApart(a: Keywords, b: Keywords): boolean {
  const { maximum = Infinity, exclusiveMaximum = Infinity } = a as Record<string, number>;
  const { minimum = -Infinity, exclusiveMinimum = -Infinity } = b as Record<string, number>;
  const [high, low] = [Math.min(maximum, exclusiveMaximum), Math.max(minimum, exclusiveMinimum)];
  return high < low || (high === low && (exclusiveMaximum === high || exclusiveMinimum === low) && high < Infinity);
}

function areDisjointObjects(
  a: Keywords,
  b: Keywords,
  alternatives: (schema: JsonSchema) => readonly Keywords[],
  within: Pairs = [],
): boolean {
  const [inA, inB] = [propertiesOf(a), propertiesOf(b)];
  const [byA, byB] = [(a.required ?? []) as string[], (b.required ?? []) as string[]];
  const excludes = (schema: Keywords, name: string) =>
    schema.additionalProperties === false && !Object.hasOwn(propertiesOf(schema), name);
  if (byA.some((name) => excludes(b, name)) || byB.some((name) => excludes(a, name))) return true;
  const names = byA.filter((name) => byB.includes(name) && Object.hasOwn(inA, name) && Object.hasOwn(inB, name));
  return tagsFirst(names, inA).some((name) => {
    const [one, other] = [inA[name]!, inB[name]!];
    // A recursive pair proves nothing: if the alternatives differ, some other property shows it.
    if (within.some(([x, y]) => x === one && y === other)) return false;
    const [left, right] = [alternatives(one), alternatives(other)];
    const inside: Pairs = [...within, [one, other]];
    return left.every((x) => right.every((y) => areDisjoint(x, y, alternatives, inside)));
  });
}
