/** The tokenizer cases, both ways. The cases are ours; the vocabularies are read where they are. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadTokenizer, type Tokenizer } from "../../../host/tokenizer/index.ts";
import { goldenFolder, missingGolden } from "../../support/missing.ts";
import { tempFolder } from "../../support/temp-folder.ts";

interface Case {
  name: string;
  /** The exact input. */
  hex: string;
  /** The same as text, when it is valid UTF-8. */
  text?: string;
  ids: number[];
  /** What the ids decode to, when that is not the input (NeoX normalises). */
  decoded?: string;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** @returns why tests of this vocabulary are skipped, or false */
function missing(file: string): string | false {
  return missingGolden(`tokenizer/${file}`);
}

function readCases(file: string): Case[] {
  return JSON.parse(readFileSync(join(root, "test/golden/data/tokenizer", file), "utf8")).cases;
}

/** Python's literal of bytes. */
function bytesLiteral(bytes: Uint8Array): string {
  const plain = (byte: number) => byte >= 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c;
  const parts = Array.from(bytes, (byte) =>
    plain(byte) ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`,
  );
  return `b'${parts.join("")}'`;
}

function checkCase(tokenizer: Tokenizer, { name, hex, text, ids, decoded }: Case): void {
  const bytes = new Uint8Array(Buffer.from(hex, "hex"));
  assert.deepEqual(tokenizer.encode(bytes), ids, `${name}: bytes to ids`);
  if (text !== undefined) assert.deepEqual(tokenizer.encode(text), ids, `${name}: text to ids`);
  if (decoded === undefined) assert.deepEqual(tokenizer.decodeBytes(ids), bytes, `${name}: ids to bytes`);
  const expected = decoded ?? text ?? new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  assert.equal(tokenizer.decode(ids), expected, `${name}: ids to text`);
  const stream = tokenizer.stream();
  const pieces = ids.map((id) => stream.push(id));
  assert.equal(pieces.join("") + stream.flush(), expected, `${name}: ids to text, streamed`);
}

const WORLD = "rwkv_vocab_v20230424.txt";
describe("World", { skip: missing(WORLD) }, () => {
  const file = join(goldenFolder, "tokenizer", WORLD);
  const cases = readCases("world_cases.json");

  test(`${cases.length} cases`, async () => {
    const tokenizer = await loadTokenizer(file);
    assert.equal(tokenizer.kind, "world");
    assert.equal(tokenizer.vocabSize, 65530);
    for (const item of cases) checkCase(tokenizer, item);
  });

  test("CRLF, no final newline, JSON and Hugging Face's vocab.txt are the same vocabulary", async () => {
    const text = readFileSync(file, "utf8");
    const tokenizer = await loadTokenizer(file);
    const json: Record<string, string | number[]> = {};
    for (let id = 1; id < tokenizer.vocabSize; id++) {
      const bytes = tokenizer.tokenBytes(id);
      const token = tokenizer.decode([id]);
      json[id] = Buffer.from(token).equals(bytes) ? token : [...bytes];
    }
    const lines = Array.from({ length: tokenizer.vocabSize }, (_, id) => bytesLiteral(tokenizer.tokenBytes(id)));
    const literals = ["b'<s>'", ...lines.slice(1), ""].join("\n");
    for (const variant of [text.replaceAll("\n", "\r\n"), text.trimEnd(), JSON.stringify(json, null, 4), literals]) {
      const twin = await loadTokenizer(new TextEncoder().encode(variant));
      assert.equal(twin.kind, "world");
      for (let id = 0; id < tokenizer.vocabSize; id++)
        assert.deepEqual(twin.tokenBytes(id), tokenizer.tokenBytes(id), `token ${id}`);
    }
  });

  test("every token encodes to itself", async () => {
    const tokenizer = await loadTokenizer(file);
    for (let id = 1; id < tokenizer.vocabSize; id++) assert.deepEqual(tokenizer.encode(tokenizer.tokenBytes(id)), [id]);
  });
});

const NEOX = "20B_tokenizer.json";
describe("NeoX", { skip: missing(NEOX) }, () => {
  const file = join(goldenFolder, "tokenizer", NEOX);
  const cases = readCases("neox_cases.json");

  test(`${cases.length} cases`, async () => {
    const tokenizer = await loadTokenizer(file);
    assert.equal(tokenizer.kind, "neox");
    assert.equal(tokenizer.vocabSize, 50277);
    assert.equal(tokenizer.endOfText, 0);
    for (const item of cases) checkCase(tokenizer, item);
  });

  test("bytes that are not UTF-8 are refused", async () => {
    const tokenizer = await loadTokenizer(file);
    assert.throws(() => tokenizer.encode(Uint8Array.of(0x61, 0xff)), RangeError);
  });

  test("a cut-off file is damaged JSON, not symbols", async () => {
    const half = readFileSync(file).subarray(0, 100_000);
    await assert.rejects(loadTokenizer(half), { code: "bad-vocab", message: /truncated or damaged JSON/ });
  });
});

test("the names are for these files", { skip: missing(WORLD) || missing(NEOX) }, async (t) => {
  const cacheDir = tempFolder("named");
  const server = createServer((request, response) => {
    response.end(readFileSync(join(goldenFolder, "tokenizer", basename(request.url!))));
  });
  t.after(() => server.closeAllConnections());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const options = { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, cacheDir };
  assert.equal((await loadTokenizer("world", options)).vocabSize, 65530);
  assert.equal((await loadTokenizer("pile", options)).vocabSize, 50277);
  await new Promise((resolve) => server.close(resolve));
  assert.equal((await loadTokenizer("world", options)).vocabSize, 65530); // from the cache
});

test("NeoX has the white space of Hugging Face's own library", { skip: missing(NEOX) }, async () => {
  const neox = await loadTokenizer(readFileSync(join(goldenFolder, "tokenizer", NEOX)));
  // As @anush008/tokenizers 0.6.0, a build of the Rust library, gives them.
  const cases: [string, number[]][] = [
    ["a \ufeffb", [66, 35762, 67]],
    ["\r\n\ufeff", [190, 187, 41497]],
    [" \ufeff0", [35762, 17]],
    ["x \u0085y", [89, 209, 16643, 90]],
    ["x\u0085y", [89, 16643, 90]],
  ];
  for (const [text, ids] of cases) assert.deepEqual(neox.encode(text), ids, JSON.stringify(text));
});
