/** JSON schemas: what is written is valid by an independent validator, and what cannot be done is said. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { createConstraint, type JsonSchema, WkvError } from "../../host/constraint/index.ts";
import { BytesTokenizer } from "../../host/tokenizer/bytes.ts";
import type { Tokenizer } from "../../host/tokenizer/index.ts";
import { allows, RandomLogits, WORLD_MISSING, worldTokenizer, write } from "./constrained-text.ts";
import { random } from "./random.ts";
import { randomSchema } from "./random-schema.ts";

const SCHEMAS = 1000;
/** Any text of these schemas can be completed within so many tokens. */
const MOST_TOKENS = 400;
const bytes = new BytesTokenizer();

function validator() {
  const ajv = new Ajv2020({ strict: false, logger: false, ownProperties: true });
  formats.default(ajv);
  return ajv;
}

/** Writes a text for each schema and has it validated. Contradictory schemas are left out and not counted. */
function writeAll(tokenizer: Tokenizer, vocabSize: number, whitespace: "none" | "space" | "lines", seed: number) {
  const next = random(seed);
  const logits = new RandomLogits(tokenizer, vocabSize, seed);
  let contradictory = 0;
  for (let i = 0; i < SCHEMAS; ) {
    const schema = randomSchema(next);
    let constraint: ReturnType<typeof createConstraint>;
    try {
      constraint = createConstraint(tokenizer, { schema, whitespace });
    } catch (error) {
      assert.ok(
        error instanceof WkvError && /holds for no text at all/.test(error.message),
        `${error}\n${JSON.stringify(schema)}`,
      );
      contradictory++;
      continue;
    }
    i++;
    const { ids, complete } = write(constraint, tokenizer, logits, MOST_TOKENS);
    const text = tokenizer.decode(ids);
    const because = `${text}\n${JSON.stringify(schema)}`;
    assert.ok(complete, `cut: ${because}`);
    const ajv = validator();
    assert.ok(ajv.validate(schema as object, JSON.parse(text)), `${ajv.errorsText()}: ${because}`);
  }
  assert.ok(contradictory < SCHEMAS / 10, `${contradictory} contradictory schemas`);
}

test("1,000 random schemas over World with random logits give valid JSON", async (t) => {
  const world = await worldTokenizer();
  if (!world) return t.skip(WORLD_MISSING);
  writeAll(world, 65536, "space", 1);
});

test("1,000 random schemas byte by byte give valid JSON, with and without white space", () => {
  writeAll(bytes, 256, "none", 2);
  writeAll(bytes, 256, "lines", 3);
});
