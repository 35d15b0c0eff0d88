// Schemas as people's tools write them: recursion in any spelling, tags in any order, formats of numbers.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { createConstraint, type JsonSchema } from "wkv/constraint";
import { loadTokenizer, type Tokenizer } from "wkv/tokenizer";

let bytes: Tokenizer;
before(async () => {
  bytes = await loadTokenizer("bytes");
});

/** Whether the constraint allows the whole text. */
function allows(schema: JsonSchema, text: string): boolean {
  const constraint = createConstraint(bytes, { schema });
  try {
    for (const byte of bytes.encode(text)) constraint.accept(byte);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
  return constraint.complete;
}

describe("a schema that contains itself", () => {
  const ref = { $ref: "#/$defs/N" };
  const spellings: Record<string, JsonSchema> = {
    "a reference": ref,
    "allOf of one, as pydantic 1 writes it": { title: "Next", allOf: [ref] },
    "a reference beside keywords": { ...ref, required: ["v"], description: "next" },
    "anyOf of allOf and null": { anyOf: [{ allOf: [ref] }, { type: "null" }] },
    "allOf of two": { allOf: [ref, { properties: { v: { minimum: 0 } } }] },
    "allOf in allOf": { allOf: [{ allOf: [ref] }] },
    "oneOf of allOf and null": { oneOf: [{ allOf: [ref] }, { type: "null" }] },
  };
  for (const [name, next] of Object.entries(spellings))
    test(`by ${name}`, () => {
      const properties = { v: { type: "integer" }, next };
      const node = { type: "object", properties, required: ["v"], additionalProperties: false };
      const schema = { ...ref, $defs: { N: node } };
      assert.ok(allows(schema, '{"v": 1, "next": {"v": 2, "next": {"v": 3}}}'));
      assert.ok(!allows(schema, '{"v": 1, "next": {"v": 2, "next": {}}}'));
    });

  test("with nothing in between is refused", () => {
    for (const N of [{ allOf: [ref] }, { allOf: [ref, { type: "object" }] }, { anyOf: [{ allOf: [ref] }] }])
      assert.throws(() => createConstraint(bytes, { schema: { ...ref, $defs: { N } } }), {
        name: "WkvError",
        code: "bad-constraint",
      });
  });
});

test("tags tell alternatives apart wherever they are, and however deep the alternatives contain themselves", () => {
  const E = { $ref: "#/$defs/E" };
  const tagged = (op: string, required: string[]) => ({
    type: "object",
    properties: { l: E, r: { items: E }, op: { const: op } },
    required,
  });
  for (const required of [
    ["op", "l"],
    ["l", "op"],
    ["r", "l", "op"],
  ]) {
    const alternatives = [...["+", "-", "*"].map((op) => tagged(op, required)), { type: "integer" }];
    const schema = { ...E, $defs: { E: { oneOf: alternatives } } };
    assert.ok(allows(schema, '{"l": {"l": 1, "r": [], "op": "-"}, "r": [2], "op": "+"}'), required.join());
  }
  const untagged = { oneOf: [tagged("+", ["l"]), tagged("+", ["l", "op"]), { type: "integer" }] };
  assert.throws(() => createConstraint(bytes, { schema: { ...E, $defs: { E: untagged } } }), /may hold for the same/);
});

test("the format of a number is kept or refused, never passed over", () => {
  const int32 = { type: "integer", format: "int32" };
  assert.ok(allows(int32, "2147483647") && allows(int32, "-2147483648"));
  assert.ok(!allows(int32, "2147483648") && !allows(int32, "751009038495181"));
  assert.ok(!allows({ ...int32, maximum: 5 }, "6"));
  assert.ok(!allows({ type: "number", format: "int32" }, "1.5"));
  assert.ok(allows({ type: "number", format: "double" }, "1.5"));
  assert.ok(allows({ type: ["string", "null"], format: "date" }, "null"));
  for (const schema of [
    { type: "integer", format: "int64" },
    { type: "number", format: "ipv6" },
    { type: "object", format: "nonsense" },
    { type: ["boolean", "null"], format: "date" },
    { type: "array", format: "int32" },
  ])
    assert.throws(() => createConstraint(bytes, { schema }), {
      name: "WkvError",
      message: new RegExp(`format "${schema.format}"`),
    });
});

test("formats and patterns go with the lengths that people write beside them", () => {
  const fits: [JsonSchema, string][] = [
    [{ type: "string", format: "email", maxLength: 254 }, '"ann@example.org"'],
    [{ type: "string", format: "uri", maxLength: 2048 }, '"https://example.org/a?b=c"'],
    [{ type: "string", format: "hostname", maxLength: 253 }, '"example.org"'],
    [{ type: "string", format: "uuid", minLength: 36, maxLength: 36 }, '"12345678-1234-1234-1234-123456789abc"'],
    [{ type: "string", pattern: "^[a-z]{1,20}(-[a-z]{1,20}){0,20}$", maxLength: 1000 }, '"a-b"'],
    [{ type: "string", pattern: "\\S", maxLength: 5000 }, '" x "'],
    [{ type: "string", pattern: "^[a-z ]+$", maxLength: 12000 }, '"a b"'],
  ];
  for (const [schema, text] of fits) assert.ok(allows(schema, text), JSON.stringify(schema));
  assert.ok(!allows({ type: "string", format: "email", maxLength: 10 }, '"ann@example.org"'));
  assert.ok(!allows({ type: "string", pattern: "^[a-z]{1,5}$", minLength: 3 }, '"ab"'));
});

test("whole numbers beyond 2^53 have exact bounds", () => {
  const cases: [JsonSchema, allowed: string[], refused: string[]][] = [
    [{ minimum: 2 ** 53, maximum: 2 ** 53 + 2 }, ["9007199254740993"], ["9007199254740991", "9007199254740995"]],
    [{ exclusiveMinimum: 2 ** 53 }, ["9007199254740993", "9999999999999999"], ["9007199254740992", "1"]],
    [{ exclusiveMaximum: -(2 ** 60) }, ["-1152921504606846977"], ["-1152921504606846976", "0"]],
    [{ minimum: 1e20 }, ["100000000000000000000", "999999999999999999999"], ["99999999999999999999", "1e20"]],
    [{ minimum: -1e18, maximum: -(2 ** 53) }, ["-9007199254740992", "-1000000000000000000"], ["-9007199254740991"]],
    [{ minimum: 1e300 }, [String(BigInt(1e300))], [String(BigInt(1e300) - 1n)]],
  ];
  for (const [bounds, allowed, refused] of cases) {
    const schema = { type: "integer", ...(bounds as object) } as JsonSchema;
    for (const text of allowed) assert.ok(allows(schema, text), `${JSON.stringify(schema)} allows ${text}`);
    for (const text of refused) assert.ok(!allows(schema, text), `${JSON.stringify(schema)} refuses ${text}`);
  }
});

test("a schema that is too large, or holds what JSON does not have, is refused at once with the reason", () => {
  let shared: JsonSchema = { type: "string" };
  for (let i = 0; i < 40; i++) shared = { anyOf: [shared, shared] };
  const cases: [JsonSchema, RegExp][] = [
    [shared, /more than 200000 values/],
    [{ enum: Array.from({ length: 300_000 }, (_, i) => i) }, /more than 200000 values/],
    [{ type: "number", maximum: Number.POSITIVE_INFINITY }, /"maximum" is Infinity/],
    [{ enum: [1, Number.NaN] }, /"1" is NaN/],
  ];
  for (const [schema, message] of cases) {
    const started = performance.now();
    assert.throws(() => createConstraint(bytes, { schema }), { name: "WkvError", code: "bad-constraint", message });
    assert.ok(performance.now() - started < 2000);
  }
});
