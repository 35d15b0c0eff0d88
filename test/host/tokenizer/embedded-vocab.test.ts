/** The vocabulary in a GGUF's metadata. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseEmbedded } from "../../../host/tokenizer/embedded.ts";
import { loadTokenizer } from "../../../host/tokenizer/index.ts";
import { openBytes, readGolden } from "../../support/checkpoint-checks.ts";
import { toGguf } from "../../support/convert-gguf.ts";
import { sampleModel } from "../../support/make-checkpoints.ts";
import { architecture, type GgufEntry, gguf, list, string, u32 } from "../../support/make-gguf.ts";
import { goldenFolder, missingGolden } from "../../support/missing.ts";
import { load, SMALL, SMALL_IDS, symbol, symbols } from "../../support/models.ts";

const NORMAL = 1;
const CONTROL = 3;
const UNUSED = 5;

/** A vocabulary as llama.cpp's converter writes it: the end of text, these tokens, nothing for the remaining ids. */
function vocabulary(tokens: readonly (string | Uint8Array)[], ids = tokens.length + 1): GgufEntry[] {
  const padding = Array.from({ length: ids - 1 - tokens.length }, (_, i) => `[PAD${i}]`);
  const types = [CONTROL, ...tokens.map(() => NORMAL), ...padding.map(() => UNUSED)];
  return [
    ["tokenizer.ggml.model", string("rwkv")],
    ["tokenizer.ggml.tokens", list(["<s>", ...tokens, ...padding].map(string))],
    ["tokenizer.ggml.token_type", list(types.map((type) => ({ ...u32(type), type: 5 })))],
  ];
}

async function tokenizerOf(entries: readonly GgufEntry[]) {
  const bytes = gguf(sampleModel("F16"), [architecture("rwkv7"), ...entries]);
  return parseEmbedded((await openBytes(bytes)).metadata!, "the vocabulary");
}

test("escapes are Python's; control and unused ids have no text", async () => {
  const written = ["a", "\\\\n", "\\n", "\\t\\r", "it's", '"', "\\'", "\\xe6\\x97", "\\x00", "é"];
  const tokenizer = await tokenizerOf(vocabulary(written, 16));
  const expected = ["a", "\\n", "\n", "\t\r", "it's", '"', "'", [0xe6, 0x97], [0], "é"];
  assert.deepEqual(
    expected.map((_, i) => tokenizer.tokenBytes(i + 1)),
    expected.map((token) => (typeof token === "string" ? new TextEncoder().encode(token) : Uint8Array.from(token))),
  );
  assert.equal(tokenizer.kind, "world");
  assert.equal(tokenizer.endOfText, 0);
  assert.equal(tokenizer.vocabSize, 11);
  assert.deepEqual(tokenizer.encode("a\n\\n'"), [1, 3, 2, 7]);
});

test("types may be integers of any size", async () => {
  const arrays: [type: number, types: ArrayBufferView][] = [
    [0, Uint8Array.of(CONTROL, NORMAL, UNUSED)],
    [1, Int8Array.of(CONTROL, NORMAL, UNUSED)],
    [2, Uint16Array.of(CONTROL, NORMAL, UNUSED)],
    [3, Int16Array.of(CONTROL, NORMAL, UNUSED)],
    [4, Uint32Array.of(CONTROL, NORMAL, UNUSED)],
    [5, Int32Array.of(CONTROL, NORMAL, UNUSED)],
    [10, BigUint64Array.of(3n, 1n, 5n)],
    [11, BigInt64Array.of(3n, 1n, 5n)],
  ];
  for (const [type, { buffer, byteLength }] of arrays) {
    const size = byteLength / 3;
    const values = [0, 1, 2].map((i) => ({ type, bytes: new Uint8Array(buffer.slice(i * size, (i + 1) * size)) }));
    const entries = vocabulary(["a"], 3).with(2, ["tokenizer.ggml.token_type", list(values)]);
    const tokenizer = await tokenizerOf(entries);
    assert.equal(tokenizer.endOfText, 0, `type ${type}`);
    assert.equal(tokenizer.vocabSize, 2);
    assert.deepEqual(tokenizer.encode("a"), [1]);
  }
});

test("without types, id 0 ends a text and is none", async () => {
  const tokenizer = await tokenizerOf(vocabulary(["a", "<", "s", ">"]).slice(0, 2));
  assert.deepEqual(tokenizer.encode("a<s>"), [1, 2, 3, 4]);
  assert.equal(tokenizer.endOfText, 0);
});

test("damage is named by token", async () => {
  const cases: [string[], RegExp][] = [
    [["a", "\\x4"], /the vocabulary, token 2: an escape ends after 1 of 2 digits.*--vocab/],
    [["\\"], /token 1: it ends with a single backslash/],
    [["a", ""], /token 2 is empty/],
    [["a", "\\x61"], /same bytes/],
  ];
  for (const [tokens, message] of cases)
    await assert.rejects(tokenizerOf(vocabulary(tokens)), { code: "bad-vocab", message });
});

test("a model speaks with the vocabulary in its file, unless another is given", async () => {
  const options = { architecture: "rwkv7", headSize: 64 } as const;
  const model = await readGolden(SMALL);
  const tokens = Array.from({ length: 26 }, (_, i) => String.fromCharCode(97 + i));
  const convert = (entries: readonly GgufEntry[]) => toGguf(model, { ...options, metadata: entries });
  const own = await load(convert(vocabulary(tokens, SMALL_IDS)));
  assert.deepEqual(own.tokenizer.encode("abz"), [1, 2, 26]);
  assert.equal(own.tokenizer.decode([1, 90]), "a");
  const given = await load(convert(vocabulary(tokens, SMALL_IDS)), { vocab: symbols(SMALL_IDS) });
  assert.deepEqual(given.tokenizer.encode(symbol(5)), [5]);
  const broken = await load(convert(vocabulary(["\\x"])));
  assert.throws(() => broken.tokenizer, { code: "bad-vocab", message: /in the model's file, token 1/ });
  const large = await load(convert(vocabulary(Array.from({ length: SMALL_IDS }, (_, i) => `token ${i}`))));
  assert.throws(() => large.tokenizer, { code: "bad-vocab", message: /only 97 rows/ });
  const none = await load(convert([["tokenizer.ggml.model", string("no_vocab")]]));
  assert.throws(() => none.tokenizer, { code: "bad-vocab", message: /97 embedding rows match no known one/ });
  for (const each of [own, given, broken, large, none]) await each.dispose();
});

const WORLD = join(goldenFolder, "tokenizer/rwkv_vocab_v20230424.txt");

test("World in a GGUF is World", { skip: missingGolden("tokenizer/rwkv_vocab_v20230424.txt") }, async () => {
  const world = await loadTokenizer(WORLD);
  const tokens = Array.from({ length: world.vocabSize - 1 }, (_, i) => escaped(world.tokenBytes(i + 1)));
  const embedded = await tokenizerOf(vocabulary(tokens, 65536));
  assert.equal(embedded.vocabSize, world.vocabSize);
  assert.equal(embedded.endOfText, world.endOfText);
  for (let id = 0; id < world.vocabSize; id++) assert.deepEqual(embedded.tokenBytes(id), world.tokenBytes(id));
  const path = new URL("../../golden/data/tokenizer/world_cases.json", import.meta.url);
  const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: { name: string; hex: string; ids: number[] }[] };
  for (const { name, hex, ids } of cases)
    assert.deepEqual(embedded.encode(new Uint8Array(Buffer.from(hex, "hex"))), ids, name);
});

/** What Python's repr of bytes has between its quotes, which are double where there is a single one among the bytes. */
function escaped(bytes: Uint8Array): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  const named = new Map([
    ["\t", "\\t"],
    ["\n", "\\n"],
    ["\r", "\\r"],
    ["\\", "\\\\"],
    [quote, `\\${quote}`],
  ]); // prettier-ignore
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    const isPrintable = byte >= 0x20 && byte < 0x7f;
    return named.get(character) ?? (isPrintable ? character : `\\x${byte.toString(16).padStart(2, "0")}`);
  }).join("");
}
