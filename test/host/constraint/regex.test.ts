/** Regular expressions: the same texts as with JavaScript's own RegExp, no more and no fewer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createConstraint, WkvError } from "../../../host/constraint/index.ts";
import { BytesTokenizer } from "../../../host/tokenizer/bytes.ts";
import { allows, missingWorld, RandomLogits, worldTokenizer, write } from "../../support/constrained-text.ts";
import { repeats } from "../../support/effort.ts";
import { random } from "../../support/random.ts";

type Next = (below: number) => number;

const bytes = new BytesTokenizer();
const ALPHABET = ["a", "b", "0", " ", "é", "😀"];
const ATOMS = [
  ..."ab0é😀.",
  ..."\\d \\w \\s \\D \\W \\S [ab] [^a] [a-z0] [^\\da] \\x61 \\u00e9 \\u{1f600} \\ud83d\\ude00 [é-😀]".split(" "),
];
const QUANTIFIERS = ["*", "+", "?", "{2}", "{0,1}", "{1,}", "{0}", "*?", "+?", "{1,2}?"];

function randomRegex(next: Next, depth: number): string {
  const part = () => {
    const atom =
      depth > 0 && next(3) === 0
        ? `(${["", "?:", "?<n>"][next(2)]}${randomRegex(next, depth - 1)})`
        : ATOMS[next(ATOMS.length)]!;
    return atom + (next(3) ? "" : QUANTIFIERS[next(QUANTIFIERS.length)]!);
  };
  const sequence = () => Array.from({ length: next(3) + (depth < 2 ? 0 : 1) }, part).join("");
  return Array.from({ length: next(4) ? 1 : 2 }, sequence).join("|");
}

/** All texts of up to `length` characters of the alphabet. */
function textsUpTo(length: number): string[] {
  const all = [""];
  for (let from = 0, round = 0; round < length; round++) {
    const to = all.length;
    for (; from < to; from++) for (const character of ALPHABET) all.push(all[from] + character);
  }
  return all;
}

/** The constraint, or undefined if the expression holds for no text or only the empty one. */
function constraintOf(regex: string) {
  try {
    return createConstraint(bytes, { regex });
  } catch (error) {
    if (error instanceof WkvError && /no text|empty text/.test(error.message)) return undefined;
    throw error;
  }
}

test("random expressions hold for the same short texts as RegExp", () => {
  const next = random(1);
  const texts = textsUpTo(3);
  for (let i = 0; i < repeats(2000); i++) {
    const regex = randomRegex(next, 2);
    const expected = new RegExp(`^(?:${regex})$`, "u");
    const constraint = constraintOf(regex);
    for (const text of texts) {
      if (!constraint && text === "") continue;
      const isAllowed = constraint !== undefined && allows(constraint, text, bytes);
      assert.equal(isAllowed, expected.test(text), `/${regex}/ and ${JSON.stringify(text)}`);
    }
  }
});

for (const vocab of ["World", "bytes"] as const)
  test(`texts made with random logits match, ${vocab}`, { skip: vocab === "World" && missingWorld() }, async () => {
    const next = random(2);
    const [tokenizer, size] = vocab === "World" ? [(await worldTokenizer())!, 65536] : [bytes, 256];
    const logits = new RandomLogits(tokenizer, size, 3);
    for (let i = 0; i < repeats(150); i++) {
      const regex = randomRegex(next, 3);
      if (!constraintOf(regex)) continue;
      const { ids, complete } = write(createConstraint(tokenizer, { regex }), tokenizer, logits, 60);
      const text = tokenizer.decode(ids);
      assert.ok(complete, `/${regex}/ was cut at ${JSON.stringify(text)}`);
      assert.match(text, new RegExp(`^(?:${regex})$`, "u"));
    }
  });

test("anchors, braces, flags and line ends as in JavaScript", () => {
  const cases: [regex: string | RegExp, yes: string[], no: string[]][] = [
    ["^ab$", ["ab"], ["aab", "abb"]],
    ["^a|b$", ["a", "b"], ["ab"]],
    ["(^a|^b)c", ["ac", "bc"], ["c"]],
    ["a{,3}", ["a{,3}"], ["aa"]],
    ['{"a": ?[0-9]}', ['{"a": 1}', '{"a":2}'], ["{}"]],
    ["a{2}b{1,2}", ["aab", "aabb"], ["ab", "aabbb"]],
    [".", ["a", "é", "😀", "\t"], ["\n", "\r", "\u2028", "ab"]],
    [/./s, ["\n", "a"], ["ab"]],
    [/\p{ASCII}?a/u.source.replace("\\p{ASCII}?", ""), ["a"], ["b"]],
    ["[^]", ["\n", "é"], [""]],
    ["\\-\\/\\.\\_\\@", ["-/._@"], ["-/x_@"]],
    ["\\s", [" ", "\n", "\u00a0", "\u3000", "\ufeff"], ["a"]],
  ];
  for (const [regex, yes, no] of cases) {
    const constraint = createConstraint(bytes, { regex });
    for (const text of yes) assert.ok(allows(constraint, text, bytes), `${regex} holds for ${JSON.stringify(text)}`);
    for (const text of no) assert.ok(!allows(constraint, text, bytes), `${regex} does not for ${JSON.stringify(text)}`);
  }
});

test("what is not supported is named, with what is", () => {
  const cases: [regex: string | RegExp, message: RegExp][] = [
    ["(?=a)b", /\(\?= is not supported; supported are/],
    ["(?<!a)b", /\(\?<! is not supported/],
    ["(a)\\1", /\\1 is not supported/],
    ["\\bword", /\\b is not supported/],
    ["\\p{L}", /\\p is not supported/],
    ["a^b", /\^ inside the expression is not supported/],
    ["(a$)*b", /\$ inside the expression/],
    ["a**", /a quantifier after a quantifier/],
    ["*a", /\* with nothing before it/],
    ["(a", /a \( without its \)/],
    ["a)", /a \) without its \(/],
    ["[a", /a \[ without its \]/],
    ["[b-a]", /wrong order/],
    ["a{3,2}", /wrong order/],
    ["\\u{110000}", /no code point/],
    [/a/i, /flags "i"/],
    ["[]", /matches no text:/],
    ["", /only the empty text/],
  ];
  for (const [regex, message] of cases)
    assert.throws(
      () => createConstraint(bytes, { regex }),
      { name: "WkvError", code: "bad-constraint", message },
      `${regex}`,
    );
});

test("hostile expressions end, in a text or in an error", () => {
  const hostile = [
    "(((a{1,1000}){1,1000}){1,1000}){1,1000}",
    "(a?){1000000000}b",
    "(a*)*(a*)*(a*)*b",
    "(x+x+)+y",
    "(.*)(.*)(.*)(.*)(.*)a",
    ".*a.{30}.*b.{30}",
    "(a|aa|aaa|aaaa){1000000}",
    "((((a?){20}){20}){20}){20}",
    "[^a]{2147483647}",
    `${"(".repeat(90)}a${")*".repeat(90)}`,
  ];
  for (const regex of [...hostile, "(".repeat(5000), "a".repeat(5000), "a{99999999999}"]) {
    try {
      const constraint = createConstraint(bytes, { regex });
      const logits = new RandomLogits(bytes, 256, 1);
      write(constraint, bytes, logits, 20);
    } catch (error) {
      assert.ok(error instanceof WkvError && error.code === "bad-constraint", `${regex.slice(0, 40)}: ${error}`);
    }
  }
});
