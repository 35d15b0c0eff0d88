/** JSON schemas: what is written is valid by an independent validator, and what cannot be done is said. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createConstraint, type JsonSchema, type Whitespace } from "../../../host/constraint/index.ts";
import { BytesTokenizer } from "../../../host/tokenizer/bytes.ts";
import {
  allows,
  missingWorld,
  RandomLogits,
  validator,
  worldTokenizer,
  write,
  writeRandomSchemas,
} from "../../support/constrained-text.ts";
import { repeats } from "../../support/effort.ts";

const bytes = new BytesTokenizer();

const compile = (schema: JsonSchema, whitespace?: Whitespace) => createConstraint(bytes, { schema, whitespace });

test("random schemas over World with random logits give valid JSON", { skip: missingWorld() }, async () => {
  writeRandomSchemas(repeats(100), {
    tokenizer: (await worldTokenizer())!,
    vocabSize: 65536,
    whitespaces: ["space"],
    seed: 1,
  });
});

test("random schemas byte by byte give valid JSON, with and without white space", () => {
  writeRandomSchemas(repeats(200), { tokenizer: bytes, vocabSize: 256, whitespaces: ["none", "lines"], seed: 2 });
});

test("what a schema allows, and what it does not", () => {
  const closed = { type: "object", properties: { a: { type: "integer" }, b: {} }, required: ["a"] };
  const cases: [schema: JsonSchema, yes: string[], no: string[]][] = [
    [
      true,
      ["null", "[]", '{"a":{}}', "-1.5e-3", '"\\u00e9\\ud83d\\ude00"'],
      ["", "01", "[1,]", "NaN", '"\\ud83d"', "'a'"],
    ],
    [closed, ['{"a":1}', '{"a": 1, "b": [null]}'], ["{}", '{"b":1}', '{"b":1,"a":1}', '{"a":1,"c":1}', '{ "a":1}']],
    [{ type: "object" }, ["{}", '{"x":1,"y":2}'], ['{"":1}', "[]"]],
    [
      { ...closed, additionalProperties: true },
      ['{"a":1,"c":1}', '{"a":1,"aa":1,"é":2}'],
      ['{"a":1,"a":2}', '{"a":1,"b":1,"b":2}'],
    ],
    [{ properties: { __proto__x: {} }, required: ["__proto__"] }, ['{"__proto__":1}'], ["{}"]],
    [
      { type: "array", items: { type: "boolean" }, minItems: 1, maxItems: 2 },
      ["[true]", "[true, false]"],
      ["[]", "[true,true,true]"],
    ],
    [
      { prefixItems: [{ const: 1 }, { const: 2 }], items: { const: 3 }, minItems: 1 },
      ["[1]", "[1,2]", "[1,2,3,3]"],
      ["[]", "[2]", "[1,3]"],
    ],
    [{ prefixItems: [{ const: 1 }], items: false }, ["[]", "[1]"], ["[1,1]"]],
    [
      { type: "string", minLength: 2, maxLength: 3 },
      ['"é😀"', '"\\n\\ud83d\\ude00a"', '"abc"'],
      ['"a"', '"abcd"', '"\\n"'],
    ],
    [{ type: "string", pattern: "^a+$", maxLength: 3 }, ['"a"', '"aaa"'], ['""', '"aaaa"', '"ab"']],
    [{ type: "string", pattern: 'a"b' }, ['"a\\"b"', '"xxa\\"bxx"'], ['"ab"']],
    [
      { type: "integer", minimum: -12, exclusiveMaximum: 105 },
      ["-12", "-1", "0", "7", "104"],
      ["-13", "105", "00", "-0", "1.0"],
    ],
    [{ type: "integer", minimum: 0.5, maximum: 1.5 }, ["1"], ["0", "2"]],
    [
      { type: "number", minimum: 0, maximum: 1 },
      ["0", "1", "0.5", "1.00", "0.999999999999999"],
      ["1.01", "-0.1", "2", "1e0"],
    ],
    [{ type: "number", exclusiveMinimum: -0.25, maximum: 3.5 }, ["-0.24", "0", "3.5", "3.49"], ["-0.25", "3.51", "-1"]],
    [{ enum: ["a", 1, null, { x: [1] }] }, ['"a"', "1", "null", '{"x":[1]}'], ["2", '{"x": [1]}']],
    [{ type: "string", enum: ["a", 1] }, ['"a"'], ["1"]],
    [{ type: ["integer", "null"] }, ["1", "null"], ["1.5", '""']],
    [{ allOf: [{ minimum: 3 }, { type: "integer", maximum: 4 }] }, ["3", "4"], ["2", "5", "3.5"]],
    [
      { allOf: [{ properties: { a: { const: 1 } } }, { properties: { b: {} }, required: ["b"] }] },
      ['{"a":1,"b":2}', '{"b":0}'],
      ['{"a":1}'],
    ],
    [{ anyOf: [{ const: 1 }, { type: "string", maxLength: 1 }] }, ["1", '"x"'], ["2", '"xy"']],
    [{ $ref: "#/$defs/a~1b%20c", $defs: { "a/b c": { const: 7 } } }, ["7"], ["8"]],
    [{ type: "string", format: "date" }, ['"2024-02-29"', '"2023-12-31"'], ['"2023-02-29"', '"2023-04-31"']],
  ];
  for (const [schema, yes, no] of cases) {
    const constraint = compile(schema);
    const ajv = validator();
    for (const text of yes) {
      assert.ok(allows(constraint, text, bytes), `${JSON.stringify(schema)} allows ${text}`);
      assert.ok(ajv.validate(schema as object, JSON.parse(text)), `${JSON.stringify(schema)} holds for ${text}`);
    }
    for (const text of no) assert.ok(!allows(constraint, text, bytes), `${JSON.stringify(schema)} refuses ${text}`);
  }
});

test("white space is where the option says", () => {
  const schema = { type: "object", properties: { a: { type: "array", items: { type: "integer" } } } };
  const pretty = JSON.stringify({ a: [1, 2] }, null, 2);
  const forms = ['{"a":[1,2]}', '{"a": [1, 2]}', pretty];
  const allowed = (whitespace: Whitespace) => forms.map((text) => allows(compile(schema, whitespace), text, bytes));
  assert.deepEqual(allowed("none"), [true, false, false]);
  assert.deepEqual(allowed("space"), [true, true, false]);
  assert.deepEqual(allowed("lines"), [true, true, true]);
});

test("what is not supported or wrong is named", () => {
  const cases: [schema: unknown, message: RegExp][] = [
    [
      { properties: { a: { uniqueItems: true } } },
      /at #\/properties\/a: "uniqueItems" is not supported; supported are type, enum/,
    ],
    [{ not: {} }, /"not" is not supported/],
    [{ type: "text" }, /"type" expected a type or an array of types, got "text"/],
    [{ items: [{}] }, /"items" expected a schema .*prefixItems/],
    [{ type: "string", format: "colour" }, /format "colour" at # is not supported; supported are date, time/],
    [{ pattern: "(?=a)" }, /"pattern" at #: \(\?= is not supported/],
    [{ $ref: "other.json" }, /reference "other.json" is not supported/],
    [{ $ref: "#/$defs/none" }, /points to nothing/],
    [
      { oneOf: [{ type: "integer" }, { type: "number" }] },
      /alternatives 0 and 1 of "oneOf" may hold for the same value/,
    ],
    [{ enum: ["abc"], minLength: 2 }, /"enum" beside "minLength"/],
    [{ properties: { a: {} }, maxProperties: 0 }, /"maxProperties" is supported without/],
    [{ minimum: 1e-9 }, /bound 1e-9, which is not supported/],
    [{ $ref: "#" }, /matches no text:/],
    [{ type: "object", properties: { a: { $ref: "#" } }, required: ["a"] }, /matches no text:/],
    [{ type: "integer", minimum: 3, maximum: 2 }, /matches no text:/],
    [{ allOf: [{ $ref: "#" }] }, /refers to itself/],
    [42, /expected a schema, got 42/],
    [nested(5000), /nested too deeply/],
    [nested(100), /nested deeper than 64/],
    [{ const: nested(5000) }, /nested too deeply/],
    [{ type: "string", pattern: "a", maxLength: 1e9 }, /more than 30000 cases/],
    [
      { allOf: Array.from({ length: 12 }, (_, i) => ({ anyOf: [{ minLength: i }, { maxLength: i }] })) },
      /1000 alternatives/,
    ],
    [{ oneOf: Array.from({ length: 2000 }, (_, i) => ({ const: i })) }, /too many alternatives/],
    [{ const: "x".repeat(1e6) }, /more than 300000 parts/],
  ];
  for (const [schema, message] of cases) {
    assert.throws(() => compile(schema as JsonSchema), { name: "WkvError", code: "bad-constraint", message });
  }
  const circle: Record<string, unknown> = {};
  circle.items = circle;
  assert.throws(() => compile(circle), { code: "bad-constraint", message: /it is not JSON/ });
});

function nested(depth: number): JsonSchema {
  let schema: JsonSchema = {};
  for (let i = 0; i < depth; i++) schema = { items: schema };
  return schema;
}

test("a recursive schema is completed before the tokens run out, at any depth", () => {
  const node = {
    type: "object",
    properties: { kids: { type: "array", items: { $ref: "#" }, minItems: 0 } },
    required: ["kids"],
  };
  const constraint = compile(node, "none");
  const opened = '{"kids":[{"kids":[{"kids":[';
  for (const id of bytes.encode(opened)) constraint.accept(id);
  const logits = new RandomLogits(bytes, 256, 7);
  for (let left = 6; left < 60; left++) {
    const { ids, complete } = write(constraint.fork(), bytes, logits, left);
    assert.ok(complete, `${opened}${bytes.decode(ids)} with ${left} tokens`);
    JSON.parse(opened + bytes.decode(ids));
  }
  assert.equal(write(constraint.fork(), bytes, logits, 5).complete, false);
});
