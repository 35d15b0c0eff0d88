/** The model in the box under random schemas. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModel, type Model, WkvError } from "wkv";
import type { JsonSchema } from "wkv/constraint";
import { validator } from "../../support/constrained-text.ts";
import { repeats } from "../../support/effort.ts";
import { FAIRY } from "../../support/models.ts";
import { random } from "../../support/random.ts";
import { randomSchema } from "../../support/random-schema.ts";

const SCHEMAS = repeats(1000);
const AT_ONCE = 8;
const PROMPTS = ["Once upon a time", "The king said: ", "\n", "{"];

/** The text, and whether it is complete; undefined for a schema that holds for nothing. */
async function write(model: Model, schema: JsonSchema, seed: number, maxTokens: number) {
  using session = model.createSession();
  let text = "";
  try {
    const prompt = PROMPTS[seed % PROMPTS.length]!;
    for await (const piece of session.generate(prompt, { constraint: { schema }, seed, topP: 0.9, maxTokens })) {
      text += piece.text;
      if (piece.stop) {
        assert.equal(piece.complete, piece.stop !== "length");
        return { text, complete: piece.complete };
      }
    }
  } catch (error) {
    if (error instanceof WkvError && /matches no text:/.test(error.message)) return undefined;
    throw error;
  }
  throw new Error("a generation without a last piece");
}

test(`${SCHEMAS} random schemas with the model in the box give only valid JSON`, async () => {
  const next = random(11);
  const ajv = validator();
  await using model = await loadModel(FAIRY);
  let valid = 0;
  const work = async () => {
    while (valid < SCHEMAS) {
      const schema = randomSchema(next);
      const seed = next(1000);
      let written = await write(model, schema, seed, 64);
      if (written?.complete === false) written = await write(model, schema, seed, 400); // too short for this schema
      if (!written) continue;
      const because = `${written.text}\n${JSON.stringify(schema)}`;
      assert.ok(written.complete, `cut: ${because}`);
      assert.ok(ajv.validate(schema as object, JSON.parse(written.text)), `${ajv.errorsText()}: ${because}`);
      valid++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
});
