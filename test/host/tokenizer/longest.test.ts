/** The longest token at each byte: by hashes at first, then by a trie; always the same one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TokenHashes } from "../../../host/tokenizer/hashes.ts";
import { LongestMatches } from "../../../host/tokenizer/longest.ts";
import { type TokenTable, TokenTableBuilder } from "../../../host/tokenizer/table.ts";
import { ByteTrie } from "../../../host/tokenizer/trie.ts";
import { atOnce, STEPS } from "../../../host/tokenizer/turns.ts";
import { random } from "../../support/random.ts";

const LETTERS = 3;

function tableOf(tokens: Iterable<Uint8Array>): TokenTable {
  const table = new TokenTableBuilder("the vocabulary");
  let id = 0;
  for (const token of tokens) table.add(id++, token);
  return table.build();
}

/** Different tokens of few letters, so that most are prefixes of others; all single bytes among them. */
function randomTable(seed: number, count: number, longest: number): TokenTable {
  const next = random(seed);
  const found = new Map<string, Uint8Array>();
  for (let byte = 0; byte < LETTERS; byte++) found.set(`${byte}`, Uint8Array.of(byte));
  while (found.size < count) {
    const token = Uint8Array.from({ length: 1 + next(longest) }, () => next(LETTERS));
    found.set(token.join(), token);
  }
  return tableOf(found.values());
}

const randomText = (seed: number, length: number) => {
  const next = random(seed);
  return Uint8Array.from({ length }, () => next(LETTERS));
};

test("hashes and trie find the same token at every byte", () => {
  for (const [count, longest] of [
    [3, 1],
    [40, 4],
    [2000, 12],
  ] as const) {
    const table = randomTable(count, count, longest);
    const hashes = atOnce(TokenHashes.build(table, "", STEPS));
    const trie = ByteTrie.make(table, "");
    const text = randomText(count, 2000);
    for (let at = 0; at < text.length; at++) assert.equal(hashes?.longestAt(text, at), trie.longestAt(text, at));
  }
});

test("a byte without a token has none, and a token that the text ends in is not read beyond its end", () => {
  const table = tableOf([Uint8Array.of(1), Uint8Array.of(1, 2, 3)]);
  const hashes = atOnce(TokenHashes.build(table, "", STEPS));
  assert.equal(hashes?.longestAt(Uint8Array.of(7), 0), -1);
  assert.equal(hashes?.longestAt(Uint8Array.of(1, 2), 0), 0);
  assert.equal(hashes?.longestAt(Uint8Array.of(1, 2, 3), 0), 1);
});

test("a long text makes the trie, and the tokens stay the same", async () => {
  const table = randomTable(5, 500, 8);
  const matches = await LongestMatches.build(table, "the vocabulary");
  const text = randomText(6, 300_000);
  const before = matches.encode(text);
  await sleep(50);
  assert.deepEqual(matches.encode(text), before);
  assert.deepEqual(before, ByteTrie.make(table, "").encode(text));
});

/** The hash of hashes.ts. */
function hashOf(token: Uint8Array): number {
  const hash = token.reduce((sum, byte) => Math.imul(sum ^ byte, 0x01000193), 0x811c9dc5 | 0);
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 7;
}

test("a vocabulary made to collide gets a trie at once", () => {
  const colliding: Uint8Array[] = [];
  for (let n = 0; colliding.length < 300; n++) {
    const token = Uint8Array.of(n >> 16, n >> 8, n);
    if ((hashOf(token) & 1023) === 7) colliding.push(token);
  }
  const table = tableOf(colliding);
  assert.equal(atOnce(TokenHashes.build(table, "", STEPS)), undefined);
  assert.deepEqual(LongestMatches.make(table, "").encode(colliding[123]!), [123]);
});
