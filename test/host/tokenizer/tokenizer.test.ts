/** Tokenizers on vocabularies made here: formats, greedy matching, streaming, bad input. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { build } from "esbuild";
import { loadTokenizer, type Tokenizer } from "../../../host/tokenizer/index.ts";
import { LiteralReader } from "../../../host/tokenizer/literal.ts";
import { random } from "../../support/random.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const load = (text: string) => loadTokenizer(utf8(text));
const badVocab = (message: RegExp) => ({ name: "WkvError", code: "bad-vocab", message });

/** A World file of all 256 bytes (ids 1 to 256, as published) and some longer tokens (ids from 257 on). */
function worldFile(tokens: string[] = []): string {
  const hex = (byte: number) => `\\x${byte.toString(16).padStart(2, "0")}`;
  const bytes = Array.from({ length: 256 }, (_, byte) => `${byte + 1} b'${hex(byte)}' 1`);
  return [...bytes, ...tokens.map((token, i) => `${257 + i} ${JSON.stringify(token)} ${utf8(token).length}`), ""].join(
    "\n",
  );
}

describe("Python literals", () => {
  const read = (literal: string) => {
    const source = utf8(literal);
    return [...new LiteralReader(source).read(0, source.length)];
  };

  test("every escape, in both kinds", () => {
    const cases: [literal: string, text: string][] = [
      [`'plain'`, "plain"],
      [`"it's"`, "it's"],
      [`'say "hi"'`, 'say "hi"'],
      [`'it\\'s'`, "it's"],
      [`'a\\\\n'`, "a\\n"],
      [`'\\n\\r\\t\\a\\b\\f\\v'`, "\n\r\t\x07\b\f\v"],
      [`'\\x41\\xe9'`, "Aé"],
      [`'\\u00e9\\u4f60\\U0001f600'`, "é你😀"],
      [`'\\0\\12\\101\\1011\\777'`, "\0\nAA1\u01ff"],
      [`'\\d\\ '`, "\\d\\ "],
      [`u'你好'`, "你好"],
      [`b'\\u0041'`, "\\u0041"],
    ];
    for (const [literal, text] of cases) assert.deepEqual(read(literal), [...utf8(text)], literal);
    assert.deepEqual(read(`b'a\\xe9\\377\\''`), [0x61, 0xe9, 0xff, 0x27]);
    assert.deepEqual(read(`B""`), []);
  });

  test("what is no literal", () => {
    const wrong = [
      "",
      "x",
      "b",
      "'",
      "'a",
      "'a'b",
      "'a' 'b'",
      "r'a'",
      "'\\",
      "'\\'",
      "'\\x4'",
      "'\\u12'",
      "'\\N{DASH}'",
    ];
    const noCharacter = ["'\\ud800'", "'\\U00110000'", "b'é'", "b'\\777'", "'''a'''"];
    for (const literal of [...wrong, ...noCharacter]) assert.throws(() => read(literal), SyntaxError, literal);
  });
});

describe("World vocabularies", () => {
  test("longest match, gaps, any order of ids", async () => {
    const tokenizer = await load("9 'abc' 3\n3 'a' 1\r\n4 'b' 1\n\n2 'ab' 2\n7 'c' 1\n");
    assert.equal(tokenizer.vocabSize, 10);
    assert.equal(tokenizer.endOfText, 0);
    assert.deepEqual(tokenizer.encode("abcabab"), [9, 2, 2]);
    assert.deepEqual(tokenizer.encode("cba"), [7, 4, 3]);
    assert.equal(tokenizer.decode([0, 9, 5, 2]), "abcab");
  });

  test("tokens with spaces and quotes", async () => {
    const tokenizer = await load(`1 ' ' 1\n2 '   ' 3\n3 "' '" 3\n4 'a b' 3`);
    assert.deepEqual(tokenizer.encode("    a b' '"), [2, 1, 4, 3]);
  });

  test("a byte order mark, LF, CRLF and JSON", async () => {
    const text = worldFile(["hello", "é"]);
    const json = JSON.stringify({ 1: "h", 2: "hello", 300: [0xc3], 301: [0xa9] });
    for (const variant of [text, `\ufeff${text}`, text.replaceAll("\n", "\r\n")])
      assert.deepEqual((await load(variant)).encode("hello é\n"), [257, 33, 258, 11]);
    assert.deepEqual((await load(json)).encode("hellohé"), [2, 1, 300, 301]);
  });

  test("lone surrogates become U+FFFD", async () => {
    const tokenizer = await load(worldFile(["\ufffd"]));
    assert.deepEqual(tokenizer.encode("a\ud800b"), [98, 257, 99]);
  });

  test("a byte without a token is named", async () => {
    const tokenizer = await load("1 'a' 1\n2 'bc' 2\n");
    assert.throws(() => tokenizer.encode("abd"), badVocab(/0x62 \("b"\) at byte 1/));
  });

  test("what is wrong is named with its line", async () => {
    await assert.rejects(load("1 'a' 1\n2 'b' 2\n"), badVocab(/line 2: token 2 has 1 bytes, but the line says 2/));
    await assert.rejects(load("1 'a' 1\n2 'b\n"), badVocab(/line 2/));
    await assert.rejects(load("1 'a' 1\nhello\n"), badVocab(/line 2: a line is an id/));
    await assert.rejects(load("1 'a' 1\nx 'b' 1\n"), badVocab(/line 2: the id is not a whole number/));
    await assert.rejects(load("1 'a' 1\n1 'b' 1\n"), badVocab(/id 1 appears twice/));
    await assert.rejects(load("1 'a' 1\n2 '\\x61' 1\n"), badVocab(/tokens 1 and 2 are the same bytes/));
    await assert.rejects(load("1 'a' 1\n99999999999 'b' 1\n"), badVocab(/token id 99999999999/));
    await assert.rejects(load("1 '' 0\n"), badVocab(/token 1 is empty/));
    await assert.rejects(load('{"1": [256]}'), badVocab(/entry "1"/));
    await assert.rejects(load('{"one": "a"}'), badVocab(/entry "one"/));
    await assert.rejects(load("{}"), badVocab(/no token/));
    await assert.rejects(load(""), badVocab(/empty/));
    await assert.rejects(loadTokenizer(Uint8Array.of(0x80, 2, 0xff)), badVocab(/not UTF-8/));
  });
});

describe("symbols", () => {
  test("ids are line numbers from 0", async () => {
    const tokenizer = await load([..."0123456789,#"].join("\n"));
    assert.equal(tokenizer.kind, "symbols");
    assert.equal(tokenizer.endOfText, undefined);
    assert.deepEqual(tokenizer.encode("41,14#"), [4, 1, 10, 1, 4, 11]);
    assert.equal(tokenizer.decode([0, 11]), "0#");
  });

  test("escapes, spaces, CRLF, long symbols and bytes", async () => {
    const symbols = ["{", "\\n", "\\\\", "\\s\\s", " ", "<move>", "\\xc3", "\\xa9", "\\\\n", "é!", "\\r", "\\t"];
    for (const newline of ["\n", "\r\n"]) {
      const tokenizer = await load(symbols.join(newline) + newline);
      assert.equal(tokenizer.vocabSize, symbols.length);
      assert.deepEqual(tokenizer.encode("{\n\\   <move>éé!\\n\r\t"), [0, 1, 2, 3, 4, 5, 6, 7, 9, 8, 10, 11]);
    }
  });

  test("what is wrong is named with its line", async () => {
    await assert.rejects(load("a\n\nb\n"), badVocab(/line 2: an empty symbol/));
    await assert.rejects(load("a\n\\q\n"), badVocab(/line 2: \\q is not an escape/));
    await assert.rejects(load("a\n\\x1\n"), badVocab(/line 2: \\x is not an escape/));
    await assert.rejects(load("a\nb\na\n"), badVocab(/tokens 0 and 2 are the same/));
    await assert.rejects(load(`${"long ".repeat(100)}\n`), badVocab(/line 1: a symbol of 500 characters/));
  });
});

test("bytes", async () => {
  const tokenizer = await loadTokenizer("bytes");
  assert.equal(tokenizer.vocabSize, 256);
  assert.deepEqual(tokenizer.encode("aé\0"), [97, 0xc3, 0xa9, 0]);
  assert.equal(tokenizer.decode([97, 0xc3, 0xa9, 0]), "aé\0");
});

/** What the trie must find: at each place, the longest token by trying all of them. */
function encodeNaively(tokenizer: Tokenizer, bytes: Uint8Array): number[] {
  const tokens = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.tokenBytes(id));
  const ids: number[] = [];
  for (let at = 0; at < bytes.length; at += tokens[ids.at(-1)!]!.length) {
    let best = -1;
    tokens.forEach((token, id) => {
      const longer = token.length > (best < 0 ? 0 : tokens[best]!.length);
      if (longer && token.every((byte, i) => bytes[at + i] === byte)) best = id;
    });
    ids.push(best);
  }
  return ids;
}

test("greedy matching is that of a naive twin", async () => {
  const next = random(1);
  const alphabet = [0, 1, 0x61, 0x7f, 0x80, 0xfe, 0xff];
  for (let round = 0; round < 60; round++) {
    const letters = round % 3 === 0 ? Array.from({ length: 256 }, (_, byte) => byte) : alphabet;
    const draw = (most: number) => Uint8Array.from({ length: 1 + next(most) }, () => letters[next(letters.length)]!);
    const tokens = new Map<string, number[]>();
    for (const letter of letters) tokens.set(String(letter), [letter]);
    for (let i = 0; i < 200; i++) {
      const token = [...draw(round % 2 === 0 ? 4 : 40)];
      tokens.set(String(token), token);
    }
    const tokenizer = await load(JSON.stringify(Object.fromEntries([...tokens.values()].map((t, i) => [i + 1, t]))));
    const bytes = draw(2000);
    const ids = tokenizer.encode(bytes);
    assert.deepEqual(ids, encodeNaively(tokenizer, bytes));
    assert.deepEqual(tokenizer.decodeBytes(ids), bytes);
  }
});

describe("streaming", () => {
  const text = "\ufeffaé你😀👩‍👩‍👧 Straße\r\n한국어 \ufeff𝔘𝔫𝔦 e\u0301";

  test("never half a character, and the whole is what decode gives", async () => {
    const next = random(2);
    const bytes = utf8(text.repeat(3));
    for (let round = 0; round < 100; round++) {
      const parts: number[][] = [];
      for (let at = 0; at < bytes.length; ) {
        const length = 1 + next(round % 2 === 0 ? 2 : 9);
        parts.push([...bytes.subarray(at, at + length)]);
        at += length;
      }
      const unique = [...new Map(parts.map((part) => [String(part), part])).values()];
      const idOf = new Map(unique.map((part, i) => [String(part), i + 1]));
      const tokenizer = await load(JSON.stringify(Object.fromEntries(unique.map((part, i) => [i + 1, part]))));
      const ids = parts.map((part) => idOf.get(String(part))!);
      const stream = tokenizer.stream();
      const pieces = ids.map((id) => stream.push(id));
      for (const piece of pieces) assert.ok(!/\ufffd|\p{Surrogate}/u.test(piece), JSON.stringify(piece));
      assert.equal(stream.flush(), "");
      assert.equal(pieces.join(""), text.repeat(3));
      assert.equal(tokenizer.decode(ids), text.repeat(3));
    }
  });

  test("bytes that are not UTF-8 come out as decode has them", async () => {
    const next = random(3);
    const tokenizer = await loadTokenizer("bytes");
    const interesting = [0x61, 0x80, 0xbf, 0xc0, 0xc3, 0xe0, 0xe4, 0xed, 0xef, 0xbb, 0xf0, 0x9f, 0xf4, 0x90, 0xff];
    for (let round = 0; round < 2000; round++) {
      const ids = Array.from({ length: 1 + next(12) }, () => interesting[next(interesting.length)]!);
      const stream = tokenizer.stream();
      const pieces = ids.map((id) => stream.push(id));
      assert.equal(pieces.join("") + stream.flush(), tokenizer.decode(ids), `bytes ${ids}`);
    }
  });

  test("flush gives U+FFFD for half a character, and begins anew", async () => {
    const stream = (await loadTokenizer("bytes")).stream();
    assert.equal(stream.push(0xe4) + stream.push(0xbd), "");
    assert.equal(stream.flush(), "\ufffd");
    assert.equal(stream.push(0x61), "a");
    assert.equal(stream.flush(), "");
  });
});

describe("arguments", () => {
  test("ids that no model has are a RangeError that names them", async () => {
    const tokenizer = await load("1 'a' 1\n");
    for (const id of [2, -1, 0.5, Number.NaN])
      for (const call of [
        () => tokenizer.decode([1, id]),
        () => tokenizer.tokenBytes(id),
        () => tokenizer.stream().push(id),
      ])
        assert.throws(call, new RangeError(`"id" expected an integer from 0 to 1, got ${id}`));
    assert.throws(() => tokenizer.decode(["1"] as never), TypeError);
    assert.throws(() => tokenizer.decode(1 as never), /"ids" expected an array/);
    assert.throws(
      () => tokenizer.encode(1 as never),
      new TypeError('"input" expected a string or a Uint8Array, got number'),
    );
    await assert.rejects(loadTokenizer(5 as never), /"source" expected a path, URL, bytes or Blob, got number/);
  });

  test("rows of the model beyond the vocabulary decode to nothing", async () => {
    const tokenizer = await loadTokenizer(utf8("1 'a' 1\n"), { modelVocabSize: 8 });
    assert.equal(tokenizer.vocabSize, 2);
    assert.equal(tokenizer.decode([7, 1, 2, 0]), "a");
    assert.equal(tokenizer.stream().push(7), "");
    assert.throws(() => tokenizer.decode([8]), RangeError);
    await assert.rejects(loadTokenizer("bytes", { modelVocabSize: 255 }), badVocab(/ids up to 255, .* only 255 rows/));
  });

  test("shared memory, buffers, blobs and typed arrays of ids", async () => {
    const file = utf8(worldFile(["hello"]));
    const shared = new Uint8Array(new SharedArrayBuffer(file.length));
    shared.set(file);
    for (const source of [shared, Buffer.from(file), file.slice().buffer, new Blob([file])])
      assert.deepEqual((await loadTokenizer(source)).encode("hello!"), [257, 34]);
    const tokenizer = await loadTokenizer(file);
    const input = new Uint8Array(new SharedArrayBuffer(5));
    input.set(utf8("hello"));
    assert.deepEqual(tokenizer.encode(input), [257]);
    assert.equal(tokenizer.decode(Uint32Array.of(257, 34)), "hello!");
  });

  test("what tokenBytes gives is the caller's own", async () => {
    const tokenizer = await loadTokenizer("bytes");
    tokenizer.tokenBytes(97).fill(0);
    assert.equal(tokenizer.decode([97]), "a");
  });
});

/** A tokenizer.json of the given tokens in the byte-level alphabet, without merges. */
function bpeFile(tokens: string[], overrides: object = {}): string {
  return JSON.stringify({
    added_tokens: [{ id: 0, special: true, content: "<|endoftext|>", normalized: false }],
    normalizer: { type: "NFC" },
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    post_processor: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    model: { type: "BPE", vocab: Object.fromEntries(tokens.map((t, i) => [t, i + 1])), merges: [] },
    ...overrides,
  });
}

describe("tokenizer.json", () => {
  test("byte-level BPE", async () => {
    const tokenizer = await load(bpeFile(["a", "Ġ", "Ã", "©", "Ċ"]));
    assert.equal(tokenizer.kind, "neox");
    assert.equal(tokenizer.vocabSize, 6);
    assert.deepEqual(tokenizer.encode("a é\n<|endoftext|>"), [1, 2, 3, 4, 5, 0]);
    assert.deepEqual(tokenizer.encode("e\u0301"), [3, 4]);
    assert.equal(tokenizer.decode([1, 2, 3, 4, 5, 0]), "a é\n<|endoftext|>");
    assert.equal(tokenizer.stream().push(3), "");
    assert.throws(() => tokenizer.encode("ab"), badVocab(/0x62 \("b"\) at byte 1/));
  });

  test("other kinds and damage are refused", async () => {
    await assert.rejects(load(bpeFile(["a"], { model: { type: "Unigram", vocab: [] } })), badVocab(/Unigram/));
    await assert.rejects(load(bpeFile(["a"], { decoder: null })), badVocab(/missing decoder/));
    await assert.rejects(load(bpeFile(["a"], { model: { type: "BPE" } })), badVocab(/vocab or merges are missing/));
    await assert.rejects(load(bpeFile(["日"])), badVocab(/"日", is not in the byte-level alphabet/));
    await assert.rejects(load(bpeFile(["a"]).slice(0, -9)), badVocab(/truncated or damaged JSON/));
  });
});

test("nothing is imported but our own files: fit for browsers", async () => {
  const result = await build({
    entryPoints: [new URL("../../../host/tokenizer/index.ts", import.meta.url).pathname],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    external: ["node:*"],
    logLevel: "silent",
  });
  const imports = Object.values(result.metafile.outputs).flatMap((output) => output.imports);
  assert.deepEqual(imports, []);
});

describe("vocab.txt of Hugging Face's repositories", () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => `b'\\x${byte.toString(16).padStart(2, "0")}'`);
  const file = ["b'<s>'", ...bytes, `b"it's"`, "b'\\xc3\\xa9'", ""];

  test("a literal a line, whose number is the id; the first ends a text", async () => {
    for (const text of [file.join("\n"), file.join("\r\n")]) {
      const tokenizer = await load(text);
      assert.deepEqual([tokenizer.kind, tokenizer.vocabSize, tokenizer.endOfText], ["world", 259, 0]);
      assert.deepEqual(tokenizer.encode("it's é<s>"), [257, 33, 258, 61, 116, 63]);
      assert.equal(tokenizer.decode([257, 33, 258, 0]), "it's é");
    }
  });

  test("a line that is none is named", async () => {
    await assert.rejects(load([...file.slice(0, 5), "x", ""].join("\n")), badVocab(/line 6: a token is written/));
  });
});
