/** Taking all tokens below a node at once gives what taking each by itself gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BROKEN, CHARACTERS, within } from "../../../host/constraint/byte-kinds.ts";
import { type ConstraintSource, createConstraint } from "../../../host/constraint/index.ts";
import { vocabularyOf } from "../../../host/constraint/vocabulary.ts";
import { missingWorld, RandomLogits, satisfiable, worldTokenizer, write } from "../../support/constrained-text.ts";
import { FULL } from "../../support/effort.ts";
import { random } from "../../support/random.ts";
import { randomSchema } from "../../support/random-schema.ts";

const next = random(3);
const SOURCES: readonly ConstraintSource[] = [
  { regex: ".*" },
  { regex: "[^\\u4e00-\\u9fff]*" },
  { regex: "[a-zé日]*" },
  { regex: "([a-z]{3} )*" },
  { regex: "[\\s\\S]{0,300}" },
  { schema: { type: "string", maxLength: 40 } },
  ...Array.from({ length: FULL ? 12 : 3 }, () => ({ schema: randomSchema(next) })),
];

test("masks over World, with and without", { skip: missingWorld() }, async () => {
  const [quick, plain] = [await worldTokenizer(), await worldTokenizer()];
  assert.ok(quick && plain);
  assert.ok(vocabularyOf(quick).kindsFrom.some((kinds) => (kinds & BROKEN) === 0));
  vocabularyOf(plain).kindsFrom.fill(BROKEN);
  const logits = new RandomLogits(quick, 65536, 4);
  let walked = 0;
  for (const source of SOURCES) {
    const one = satisfiable(quick, source);
    if (!one) continue;
    walked++;
    const other = createConstraint(plain, source);
    const { ids } = write(one.fork(), quick, logits, 40);
    for (const [i, id] of ids.entries()) {
      for (const left of [Infinity, 1, 3, 20]) {
        const [a, b] = [new Float32Array(65536), new Float32Array(65536)];
        one.mask(a, left);
        other.mask(b, left);
        assert.ok(Buffer.from(a.buffer).equals(Buffer.from(b.buffer)), `${JSON.stringify(source)} ${i} ${left}`);
      }
      one.accept(id);
      other.accept(id);
    }
  }
  assert.ok(walked >= SOURCES.length - 3, `only ${walked} of ${SOURCES.length} sources were walked`);
});

test("where a text is inside a character, for every character and what is none", () => {
  const after = (bytes: Iterable<number>) => [...bytes].reduce((at, byte) => within(at, byte), 0);
  const encoder = new TextEncoder();
  for (let code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 37) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const bytes = encoder.encode(String.fromCodePoint(code));
    assert.equal(after(bytes), 0);
    for (let cut = 1; cut < bytes.length; cut++) assert.ok(after(bytes.subarray(0, cut)) > 0);
  }
  for (const bytes of [[0x80], [0xc0, 0x80], [0xc3, 0x41], [0xe0, 0x80], [0xed, 0xa0], [0xf4, 0x90], [0xf5], [0xff]])
    assert.equal(after(bytes), -1, String(bytes));
  assert.equal(CHARACTERS.length, 8);
});
