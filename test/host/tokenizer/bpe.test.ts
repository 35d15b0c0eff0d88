/** Byte-level BPE against Hugging Face's library (test/golden/make-bpe-cases.py), and its work on hostile files and texts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { BpeJson, TokenizerJson } from "../../../host/tokenizer/bpe/json.ts";
import { Pattern, Work } from "../../../host/tokenizer/bpe/pattern.ts";
import { loadTokenizer } from "../../../host/tokenizer/index.ts";

interface Config {
  name: string;
  patch: Partial<TokenizerJson>;
  ids: number[][];
}
type Base = TokenizerJson & { model: BpeJson };
const cases = new URL("../../golden/data/tokenizer/bpe_cases.json", import.meta.url);
const { base, texts, configs }: { base: Base; texts: string[]; configs: Config[] } = JSON.parse(
  readFileSync(cases, "utf8"),
);

const load = (patch: object = {}) => {
  const model = { ...base.model, ...(patch as Partial<Base>).model };
  return loadTokenizer(new TextEncoder().encode(JSON.stringify({ ...base, ...patch, model })));
};
const split = (Regex: string) => ({
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [
      { type: "Split", pattern: { Regex }, behavior: "Isolated" },
      { type: "ByteLevel", use_regex: false },
    ],
  },
});
const badVocab = (message: RegExp) => ({ code: "bad-vocab", message });

describe("as Hugging Face's library gives it", () => {
  for (const { name, patch, ids } of configs)
    test(name, async () => {
      const tokenizer = await load(patch);
      for (const [i, text] of texts.entries()) assert.deepEqual(tokenizer.encode(text), ids[i], JSON.stringify(text));
    });
});

/** How many times as long `run` takes for four times the size. */
async function growth(size: number, run: (size: number) => unknown): Promise<number> {
  const time = async (length: number) => {
    const before = process.cpuUsage();
    await run(length);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  await time(size / 8);
  const [one, four] = [await time(size), await time(4 * size)];
  return four / Math.max(one, 4000);
}

describe("linear in the text", () => {
  const patterns = ["Split at a", "a"];
  for (const [what, text] of Object.entries({
    "one word": "a",
    "words of Chinese": "日本",
    spaces: " ",
    endings: "'s",
    "added tokens": "<m> ",
  }))
    test(`byte-level BPE: ${what}`, async () => {
      const added_tokens = [{ id: 400, content: "<m>", special: true, lstrip: true, rstrip: true }];
      const tokenizer = await load({ added_tokens });
      assert.ok((await growth(20_000, (size) => tokenizer.encode(text.repeat(size)))) < 9, patterns.join());
    });

  const vocabularies: Record<string, (longest: number) => string> = {
    "World text": (n) => `1 'a' 1\n2 '${"a".repeat(n)}b' ${n + 1}\n`,
    "World JSON": (n) => JSON.stringify({ 1: "a", 2: `${"a".repeat(n)}b` }),
    "added tokens": (n) =>
      JSON.stringify({ ...base, added_tokens: [{ id: 400, content: `${"a".repeat(n)}b`, special: true }] }),
  };
  for (const [kind, file] of Object.entries(vocabularies))
    test(`${kind} with a token of 200 KB: the table and a text that nearly matches it everywhere`, async () => {
      const encode = async (size: number) => {
        const tokenizer = await loadTokenizer(new TextEncoder().encode(file(size)));
        const text = `${"a".repeat(2 * size)}b`;
        const ids = tokenizer.encode(text);
        assert.equal(tokenizer.decode(ids), text);
        assert.equal(tokenizer.decode(ids.slice(-1)), `${"a".repeat(size)}b`, "the longest token");
      };
      assert.ok((await growth(20_000, encode)) < 9);
    });

  test("the longest token is that of a naive twin, whatever the lengths", async () => {
    const long = "ab".repeat(200);
    const tokens = ["a", "b", "ab", "aba", "bab", long, `${long}a`, `b${long}`, `${long.slice(7)}bb`];
    const tokenizer = await loadTokenizer(
      new TextEncoder().encode(JSON.stringify(Object.fromEntries(tokens.map((token, i) => [i + 1, token])))),
    );
    for (let seed = 0; seed < 30; seed++) {
      const text = Array.from({ length: 2000 }, (_, i) => "ab"[(i + ((i * seed) % 97 === 0 ? 1 : 0)) % 2]).join("");
      const expected: number[] = [];
      for (let at = 0; at < text.length; ) {
        const fitting = tokens.filter((token) => text.startsWith(token, at));
        const longest = fitting.reduce((best, token) => (token.length > best.length ? token : best));
        expected.push(tokens.indexOf(longest) + 1);
        at += longest.length;
      }
      assert.deepEqual(tokenizer.encode(text), expected);
    }
  });
});

describe("patterns out of files", () => {
  const manyMembers = String.fromCodePoint(...Array.from({ length: 9000 }, (_, i) => 0x4e00 + i));
  for (const pattern of [
    "(?:a+)+$",
    "(?:a|aa)+\\d",
    "a*a*a*a*a*b",
    "(?:.*?,){11}P",
    "(?=(?:a+)+b)",
    "(?i:(?:a|b|c|d|e|f|,)*q)",
    `(?:[${manyMembers}]|a|,)+b`,
  ])
    test(`${pattern.slice(0, 50)} ends with a sentence on a text that makes it backtrack`, async () => {
      const tokenizer = await load(split(pattern));
      const started = performance.now();
      assert.throws(() => tokenizer.encode(`${"a,".repeat(30)}${"a".repeat(3000)}!`), badVocab(/take too long/));
      assert.ok(performance.now() - started < 4000);
      assert.deepEqual(tokenizer.decode(tokenizer.encode("aa")), "aa", "and goes on with others");
    });

  test("normalizers that double a text are bounded", async () => {
    const double = { type: "Replace", pattern: { String: "a" }, content: "aa" };
    const tokenizer = await load({ normalizer: { type: "Sequence", normalizers: Array(40).fill(double) } });
    assert.throws(() => tokenizer.encode("a"), badVocab(/take too long/));
  });

  test("matches are those of JavaScript's own expressions", () => {
    const sources = [
      "a|ab",
      "(a|ab)(c|bcd)",
      "a{2,3}?",
      "\\w+(?=\\d)",
      "(?<!a)b",
      "[^a-c]+",
      "x?y*z",
      "(?:ab)*?b",
      "^a|b$",
    ];
    const subjects = ["", "abcd", "aaaa", "ab12 b a1", "xyz zzy", "bab\nab", "日a本", "😀a😀"];
    for (const source of sources)
      for (const subject of subjects) {
        const expected = [...subject.matchAll(new RegExp(source, "gum"))].map(({ 0: m, index }) => [
          index,
          index + m.length,
        ]);
        assert.deepEqual([...new Pattern(source).matches(subject, new Work(1e6))], expected, `${source} on ${subject}`);
      }
  });

  test("what is not known is refused by name", async () => {
    for (const [pattern, reason] of [
      ["(a)\\1", /\\1 is not known/],
      ["(?x: a)", /a group \(\?x is not known/],
      ["(a", /a group is not closed/],
      ["[a", /a class is not closed/],
      ["\\p{Nonsense}", /\\p\{Nonsense\} is no property/],
      ["(?:a*)*", /repeats what may be empty/],
      ["a{1001}", /more than 1000 times/],
      ["(?:(?:a{1000}){1000}){1000}", /repeats too much/],
      ["(?<=a+)b", /looks behind without a bound/],
      ["(".repeat(5000), /nested too deeply/],
    ] as const)
      await assert.rejects(load(split(pattern)), badVocab(reason));
    await assert.rejects(
      load({ normalizer: { type: "Precompiled" } }),
      badVocab(/normalizer Precompiled is not supported/),
    );
    await assert.rejects(
      load({ pre_tokenizer: { type: "Metaspace" } }),
      badVocab(/pre-tokenizer Metaspace is not supported/),
    );
    await assert.rejects(load({ model: { merges: [["h", "nowhere"]] } }), badVocab(/"nowhere", which is missing/));
  });
});
