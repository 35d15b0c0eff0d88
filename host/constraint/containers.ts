import { codePoints, includes, utf8, without } from "./characters.ts";
import { propertiesOf } from "./combine.ts";
import type { Node } from "./grammar.ts";
import { type Json, PLAIN } from "./json.ts";
import { type Compile, type JsonSchema, type Keywords, sameJson, wrong } from "./keywords.ts";

/** Characters of a property name that are compared with additional names. */
const MAX_COMPARED = 64;

/** Items in order: those of `prefixItems`, then any number of `items`. */
export function arrayNode(json: Json, keywords: Keywords, where: string, compile: Compile): Node {
  const { grammar } = json;
  const { minItems = 0, maxItems = Infinity } = keywords as Record<string, number>;
  const { prefixItems = [], items } = keywords as { prefixItems?: JsonSchema[]; items?: JsonSchema };
  if (minItems > maxItems) return grammar.never;
  const first = prefixItems.map((schema, i) => compile(schema, `${where}/prefixItems/${i}`));
  const hasMore = maxItems > first.length;
  const item = !hasMore ? grammar.never : items === undefined ? json.value : compile(items, `${where}/items`);
  if (first.length === 0) return json.array(json.list(item, minItems, maxItems));
  const more = grammar.sequence([json.comma, item]);
  /** What follows `first.length` items. */
  let rest = hasMore
    ? grammar.repeat(more, Math.max(minItems - first.length, 0), maxItems - first.length)
    : grammar.empty;
  for (let i = first.length - 1; i >= 0; i--) {
    const here = grammar.sequence([i === 0 ? grammar.empty : json.comma, first[i]!, rest]);
    rest = i >= maxItems ? grammar.empty : i >= minItems ? grammar.optional(here) : here;
  }
  return json.array(rest);
}

interface Property {
  readonly member: Node;
  readonly isRequired: boolean;
}

/**
 * Properties in the order of the schema, then additional ones. If a schema names properties and does not mention
 * additional ones, there are none.
 */
export function objectNode(json: Json, keywords: Keywords, where: string, compile: Compile): Node {
  const { required = [], additionalProperties } = keywords as {
    required?: string[];
    additionalProperties?: JsonSchema;
  };
  const declared = propertiesOf(keywords);
  const names = [...new Set([...Object.keys(declared), ...required])];
  const others = additionalProperties ?? names.length === 0;
  checkCounts(keywords, names, required, others, where);
  const ofOthers = () => compile(others, `${where}/additionalProperties`);
  if (names.length === 0)
    return json.object(freeMembers(json, keywords, nameNode(json, keywords, where, compile), ofOthers()));
  if (!isAnyText(keywords.propertyNames))
    throw wrong(where, '"propertyNames" beside "properties" or "required" is not supported');
  const isRequired = new Set(required);
  const valueNode = (name: string) =>
    Object.hasOwn(declared, name)
      ? compile(declared[name]!, `${where}/properties/${name}`)
      : compile(additionalProperties ?? true, `${where}/additionalProperties`);
  const properties = names.map((name) => ({
    member: member(json, json.literals([name]), valueNode(name)),
    isRequired: isRequired.has(name),
  }));
  const additional = others === false ? json.grammar.never : member(json, otherName(json, names), ofOthers());
  return json.object(membersNode(json, properties, additional));
}

/** Names may repeat if any name is allowed, so the number of distinct ones is unknown. */
function checkCounts(
  { minProperties = 0, maxProperties = Infinity }: { minProperties?: number; maxProperties?: number },
  names: readonly string[],
  required: readonly string[],
  others: JsonSchema,
  where: string,
): void {
  const most = others === false ? names.length : Infinity;
  if (minProperties > Math.max(required.length, names.length === 0 ? 1 : 0))
    throw wrong(
      where,
      '"minProperties" is supported up to the number of "required" ones, and as 1 without "properties"',
    );
  if (names.length > 0 && maxProperties < most)
    throw wrong(where, '"maxProperties" is supported without "properties", or where it is not less than their number');
}

function isAnyText(schema: unknown): boolean {
  return schema === undefined || schema === true || sameJson(schema, {}) || sameJson(schema, { type: "string" });
}

function member(json: Json, name: Node, value: Node): Node {
  return json.grammar.sequence([name, json.colon, value]);
}

function nameNode(json: Json, { propertyNames }: Keywords, where: string, compile: Compile): Node {
  if (isAnyText(propertyNames)) return otherName(json, []);
  return compile({ allOf: [{ type: "string" }, propertyNames] }, `${where}/propertyNames`);
}

/** Members of an object without declared properties. */
function freeMembers(json: Json, keywords: Keywords, name: Node, value: Node): Node {
  const { minProperties = 0, maxProperties = Infinity } = keywords as Record<string, number>;
  return json.list(member(json, name, value), minProperties, maxProperties);
}

/** From the last property to the first: what may follow after a written member, and after none. */
function membersNode(json: Json, properties: readonly Property[], additional: Node): Node {
  const { grammar } = json;
  let afterSome = grammar.repeat(grammar.sequence([json.comma, additional]), 0, Infinity);
  let afterNone = json.list(additional, 0, Infinity);
  for (const { member, isRequired } of properties.toReversed()) {
    const next = grammar.sequence([json.comma, member, afterSome]);
    const first = grammar.sequence([member, afterSome]);
    afterNone = isRequired ? first : grammar.choice([first, afterNone]);
    afterSome = isRequired ? next : grammar.choice([next, afterSome]);
  }
  return afterNone;
}

/** A name of at least one character, none escaped, that is not one of these. */
function otherName(json: Json, names: readonly string[]): Node {
  const taken = names.map(codePoints);
  const plain = taken.filter((name) => name.every((code) => includes(PLAIN, code)));
  return json.quoted(json.grammar.withoutEmpty(otherThan(json, plain, 0)));
}

/**
 * Plain characters that are none of these words from `depth` on: they differ from each at some character, or end
 * inside. A name that agrees with a word in the first 64 characters counts as the word.
 */
function otherThan(json: Json, words: readonly (readonly number[])[], depth: number): Node {
  const { grammar } = json;
  const anything = grammar.repeat(utf8(grammar, PLAIN), 0, Infinity);
  if (words.length === 0) return anything;
  if (depth === MAX_COMPARED) return grammar.never;
  const firsts = new Set(words.filter(({ length }) => length > depth).map((word) => word[depth]!));
  const left = without(
    PLAIN,
    [...firsts].map((code) => [code, code]),
  );
  const branches = [grammar.sequence([utf8(grammar, left), anything])];
  if (words.every(({ length }) => length > depth)) branches.push(grammar.empty);
  for (const code of firsts) {
    const begun = words.filter((word) => word[depth] === code);
    branches.push(grammar.sequence([utf8(grammar, [[code, code]]), otherThan(json, begun, depth + 1)]));
  }
  return grammar.choice(branches);
}
