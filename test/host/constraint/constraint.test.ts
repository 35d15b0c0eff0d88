/** Masks, and how a generation keeps to them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConstraintSource, createConstraint } from "../../../host/constraint/index.ts";
import { type DecodeOptions, generate, type Piece } from "../../../host/session/generate.ts";
import { BytesTokenizer } from "../../../host/tokenizer/bytes.ts";
import { loadTokenizer, type Tokenizer } from "../../../host/tokenizer/index.ts";
import { RandomLogits } from "../../support/constrained-text.ts";
import { random } from "../../support/random.ts";

const bytes = new BytesTokenizer();

/** The ids that a mask leaves. */
function allowedIds(constraint: ReturnType<typeof createConstraint>, size: number): number[] {
  const logits = new Float32Array(size).fill(1);
  constraint.mask(logits);
  return [...logits.keys()].filter((id) => logits[id] === 1);
}

test("masks of 300 random vocabularies and lists are what trying every token gives", async () => {
  const next = random(1);
  const characters = [..."abcé→😀"];
  const word = (most: number) =>
    Array.from({ length: 1 + next(most) }, () => characters[next(characters.length)]).join("");
  for (let round = 0; round < 300; round++) {
    // Not every character is a token, and of é → 😀 no byte is one.
    const some = characters.filter(() => next(5) > 0);
    const tokens = [...new Set([...some, ...Array.from({ length: next(20) }, () => word(4)), "z"])];
    const known = tokens.filter((token) => [...token].length === 1);
    const tokenizer = await loadTokenizer(new TextEncoder().encode(tokens.join("\n")));
    const choices = Array.from({ length: 1 + next(6) }, () => word(6));
    const canBeSpelt = (text: string) => [...text].every((character) => known.includes(character));
    const canGoOn = (text: string) => choices.some((c) => c.startsWith(text) && canBeSpelt(c.slice(text.length)));
    if (!canGoOn("")) {
      assert.throws(() => createConstraint(tokenizer, { choices }), { message: /this vocabulary can spell/ });
      continue;
    }
    const check = (constraint: ReturnType<typeof createConstraint>, text: string) => {
      const expected = tokens.filter((token) => canGoOn(text + token));
      const ids = allowedIds(constraint, tokens.length + 3);
      assert.deepEqual(
        ids.map((id) => tokens[id]).sort(),
        expected.sort(),
        `${choices} after "${text}" with ${tokens}`,
      );
      assert.equal(constraint.complete, choices.includes(text));
      assert.equal(constraint.finished, choices.includes(text) && expected.length === 0);
      assert.ok(constraint.complete || ids.length > 0, "a dead end");
      for (const id of ids) {
        const after = constraint.fork();
        after.accept(id);
        check(after, text + tokens[id]);
      }
    };
    check(createConstraint(tokenizer, { choices }), "");
  }
});

test("tokens of bytes that are no characters, and several of the same bytes", async () => {
  const json = {
    1: "a",
    2: [0xf0, 0x9f],
    3: [0x98, 0x80],
    4: [0x98],
    5: [0x80],
    6: [0xf0],
    7: [0x9f],
    9: [0x9f, 0x98, 0x80, 0x61],
  };
  const tokenizer = await loadTokenizer(new TextEncoder().encode(JSON.stringify(json)));
  const constraint = createConstraint(tokenizer, { regex: "😀a" });
  const walk = [2, 3, 1];
  assert.deepEqual(allowedIds(constraint, 12), [2, 6]);
  constraint.accept(6);
  assert.deepEqual(allowedIds(constraint, 12), [7, 9]);
  const other = createConstraint(tokenizer, { regex: "😀a" });
  for (const id of walk) other.accept(id);
  assert.ok(other.complete && other.finished);
  assert.deepEqual(allowedIds(other, 12), [0]); // the end of the text
});

test("what is allowed keeps its logit, and the rows beyond the vocabulary are never allowed", () => {
  const constraint = createConstraint(bytes, { choices: ["ab", "ac", "b"] });
  const logits = Float32Array.from({ length: 300 }, (_, id) => id / 7 - 5);
  const before = logits.slice();
  constraint.mask(logits);
  for (const id of logits.keys())
    assert.equal(logits[id], id === 97 || id === 98 ? before[id] : Number.NEGATIVE_INFINITY);
  for (const wrong of [99, 256, -1, 1.5]) assert.throws(() => constraint.accept(wrong), /"token" expected one that/);
  constraint.accept(97);
  assert.deepEqual(allowedIds(constraint, 256), [98, 99]);
});

test("wrong arguments are named", () => {
  for (const [source, message] of [
    [{}, /"constraint" expected one of .*, got none/],
    [{ regex: "a", choices: ["a"] }, /got regex and choices/],
    [{ regex: 1 }, /"regex" expected a string or a RegExp, got number/],
    [{ choices: [] }, /"choices" expected an array of texts/],
    [{ schema: {}, whitespace: "some" }, /"whitespace" expected one of none, space, lines/],
    [null, /"constraint" expected/],
  ] as [ConstraintSource, RegExp][])
    assert.throws(() => createConstraint(bytes, source), { name: "TypeError", message });
});

/** A generation by a model that says anything. */
async function say(tokenizer: Tokenizer, size: number, options: DecodeOptions, seed = 1) {
  const logits = new RandomLogits(tokenizer, size, seed);
  const first = logits.row();
  const before = first.slice();
  const taken: number[] = [];
  const pieces: Piece[] = [];
  const next = async (token: number) => {
    taken.push(token);
    return logits.row();
  };
  for await (const piece of generate({ logits: first, next }, tokenizer, { temperature: 0, ...options }))
    pieces.push(piece);
  assert.deepEqual(first, before, "the model's logits stay as they are");
  return { text: pieces.map(({ text }) => text).join(""), last: pieces.at(-1), taken };
}

test("a generation ends by itself when nothing can follow", async () => {
  for (const temperature of [0, 1]) {
    const { text, last, taken } = await say(bytes, 256, { constraint: { choices: ["yes→", "no"] }, temperature });
    assert.ok(["yes→", "no"].includes(text));
    assert.equal(last?.stop, "complete");
    assert.equal(last?.complete, true);
    assert.equal(bytes.decode(taken), text);
  }
});

test("one constraint serves several generations, and goes on where it was brought to", async () => {
  const constraint = createConstraint(bytes, { regex: "[a-c]{4}\\d" });
  for (const seed of [1, 2, 3]) assert.match((await say(bytes, 256, { constraint }, seed)).text, /^[a-c]{4}\d$/);
  for (const id of bytes.encode("abc")) constraint.accept(id);
  assert.match((await say(bytes, 256, { constraint })).text, /^[a-c]\d$/);
  for (const id of bytes.encode("a1")) constraint.accept(id);
  await assert.rejects(say(bytes, 256, { constraint }), { name: "RangeError", message: /a finished one/ });
});

test("the text is complete whenever maxTokens are enough, else the result says that it was cut", async () => {
  const constraint = { schema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] } };
  for (const maxTokens of [11, 12, 13, 20, 40]) {
    const { text, last } = await say(bytes, 256, { constraint, maxTokens });
    assert.equal(last?.complete, true);
    assert.equal(typeof JSON.parse(text).name, "string");
  }
  const { text, last } = await say(bytes, 256, { constraint, maxTokens: 10 });
  assert.equal(text.length, 10);
  assert.equal(last?.stop, "length");
  assert.equal(last?.complete, false);
});

test("the model may end the text where it is complete, and only there", async () => {
  const vocab = new TextEncoder().encode("1 'a' 1\n2 'b' 1\n");
  const tokenizer = await loadTokenizer(vocab);
  const ending = { logits: Float32Array.of(9, 1, 0), next: async () => Float32Array.of(9, 1, 0) };
  const pieces: Piece[] = [];
  const options = { temperature: 0, constraint: { regex: "a{3}b*" } };
  for await (const piece of generate(ending, tokenizer, options)) pieces.push(piece);
  assert.deepEqual(
    pieces.map(({ token }) => token),
    [1, 1, 1, 0],
  );
  const { usage, ...last } = pieces.at(-1)!;
  assert.deepEqual(last, { token: 0, text: "", stop: "end", complete: true });
  assert.equal(usage?.completionTokens, 4);
});

test("a stop string ends a constrained text too, and the result says whether it is complete", async () => {
  const { text, last } = await say(bytes, 256, { constraint: { choices: ["ab--cd"] }, stop: ["--"] });
  assert.equal(text, "ab");
  assert.equal(last?.stop, "stop");
  assert.equal(last?.complete, false);
});

test("what is wrong with a constraint is said before a token is made", async () => {
  await assert.rejects(say(bytes, 256, { constraint: { regex: "(" } }), { code: "bad-constraint" });
  await assert.rejects(say(bytes, 256, { constraint: {} as ConstraintSource }), { name: "TypeError" });
});
