/** The random schemas of schema.test.ts, in numbers that take half a minute. */
import { test } from "node:test";
import { BytesTokenizer } from "../../../host/tokenizer/bytes.ts";
import { missingWorld, worldTokenizer, writeRandomSchemas } from "../../support/constrained-text.ts";

test("1,000 random schemas over World with random logits give valid JSON", { skip: missingWorld() }, async () => {
  writeRandomSchemas(1000, { tokenizer: (await worldTokenizer())!, vocabSize: 65536, whitespaces: ["space"], seed: 1 });
});

test("1,000 random schemas byte by byte give valid JSON, with and without white space", () => {
  writeRandomSchemas(1000, {
    tokenizer: new BytesTokenizer(),
    vocabSize: 256,
    whitespaces: ["none", "lines"],
    seed: 2,
  });
});
