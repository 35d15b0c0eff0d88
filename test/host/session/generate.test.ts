/** The text side of generation, on a model that says what the test tells it to. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { exemptTokens } from "../../../host/sampling/exempt.ts";
import { type DecodeOptions, generate, type Piece } from "../../../host/session/generate.ts";
import { StopFilter } from "../../../host/session/stop-filter.ts";
import { BytesTokenizer } from "../../../host/tokenizer/bytes.ts";
import { loadTokenizer, type Tokenizer } from "../../../host/tokenizer/index.ts";
import { goldenFolder, missingGolden } from "../../support/missing.ts";
import { random } from "../../support/random.ts";

const WORLD = "tokenizer/rwkv_vocab_v20230424.txt";

interface Said {
  pieces: Piece[];
  text: string;
  /** The tokens that the model has taken in. */
  taken: number[];
}

/** A model that says these tokens one after the other, whatever it is told. */
async function say(script: readonly number[], options: DecodeOptions, tokenizer?: Tokenizer): Promise<Said> {
  const taken: number[] = [];
  const logits = () => {
    const row = new Float32Array(300);
    row[script[taken.length] ?? 0] = 9;
    return row;
  };
  const next = async (token: number) => {
    taken.push(token);
    return logits();
  };
  const pieces: Piece[] = [];
  const model = { logits: logits(), next };
  for await (const piece of generate(model, tokenizer ?? new BytesTokenizer(), { temperature: 0, ...options })) {
    assert.equal(pieces.at(-1)?.stop, undefined, "a piece after the last one");
    pieces.push(piece);
  }
  return { pieces, text: pieces.map(({ text }) => text).join(""), taken };
}

function withoutUsage({ usage, ...piece }: Piece): Omit<Piece, "usage"> {
  assert.equal(usage !== undefined, piece.stop !== undefined, "the usage is on the last piece");
  return piece;
}

const bytesOf = (text: string) => [...new TextEncoder().encode(text)];

test("a piece for each token, and the reason on the last one", async () => {
  const { pieces, text, taken } = await say(bytesOf("abcdef"), { maxTokens: 4 });
  assert.equal(text, "abcd");
  assert.deepEqual(pieces.map(withoutUsage), [
    { token: 97, text: "a" },
    { token: 98, text: "b" },
    { token: 99, text: "c" },
    { token: 100, text: "d", stop: "length" },
  ]);
  assert.deepEqual(taken, bytesOf("abcd"));
});

test("no stop string is ever shown, wherever tokens end", async () => {
  const cases: [text: string, stop: string[], shown: string][] = [
    ["one\n\ntwo", ["\n\n"], "one"],
    ["User: hi", ["User:"], ""],
    ["aab", ["ab"], "a"],
    ["ababac", ["abac"], "ab"],
    ["xxyz", ["q", "yz", "z"], "xx"],
    ["abcde", ["bcd", "c"], "ab"],
    ["héé→done", ["é→d"], "hé"],
  ];
  for (const [text, stop, shown] of cases) {
    const said = await say(bytesOf(text), { stop, maxTokens: 50 });
    assert.equal(said.text, shown, text);
    assert.equal(said.pieces.at(-1)?.stop, "stop");
  }
});

test("what only looked like a stop string is shown in the end", async () => {
  const { text, pieces } = await say(bytesOf("end\nUse"), { stop: ["\nUser:"], maxTokens: 7 });
  assert.equal(text, "end\nUse");
  assert.equal(pieces[6]?.text, "\nUse");
  assert.equal(pieces[6]?.stop, "length");
});

test("stop strings: any text in any pieces shows what one character at a time would", () => {
  const next = random(9);
  const letters = (length: number) => Array.from({ length }, () => "abc"[next(3)]).join("");
  for (let round = 0; round < 3000; round++) {
    const stops = Array.from({ length: 1 + next(3) }, () => letters(1 + next(4)));
    const text = letters(next(12));
    const filter = new StopFilter(stops);
    let shown = "";
    for (let at = 0; at < text.length; ) {
      const end = at + 1 + next(4);
      shown += filter.push(text.slice(at, end));
      at = end;
    }
    assert.equal(shown + filter.rest(), beforeStop(text, stops), `${text} before ${stops}`);
  }
});

function beforeStop(text: string, stops: readonly string[]): string {
  for (let end = 1; end <= text.length; end++) {
    const ended = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    if (ended.length > 0) return text.slice(0, end - Math.max(...ended.map(({ length }) => length)));
  }
  return text;
}

test("a piece never ends in the middle of a character", async () => {
  const text = "aé→😀e\u0301 한";
  const { pieces } = await say(bytesOf(text), { maxTokens: bytesOf(text).length });
  for (const piece of pieces) assert.doesNotMatch(piece.text, /\p{Surrogate}|\ufffd/u);
  assert.equal(pieces.map((piece) => piece.text).join(""), text);
});

test("a character that stays unfinished is replaced in the last piece", async () => {
  const { pieces } = await say(bytesOf("a😀"), { maxTokens: 3 });
  assert.deepEqual(
    pieces.map(({ text }) => text),
    ["a", "", "\ufffd"],
  );
});

test("the end of the text is not taken in", async () => {
  const vocab = new TextEncoder().encode("1 'a' 1\n2 'b' 1\n");
  const { pieces, taken } = await say([1, 2, 0, 1], { maxTokens: 9 }, await loadTokenizer(vocab));
  assert.deepEqual(withoutUsage(pieces.at(-1)!), { token: 0, text: "", stop: "end" });
  assert.deepEqual(taken, [1, 2]);
});

test("log probabilities when asked for", async () => {
  const { pieces } = await say([5], { maxTokens: 1, logprobs: true });
  const expected = 9 - Math.log(Math.exp(9) + 299);
  assert.ok(Math.abs(pieces[0]!.logprob! - expected) < 1e-9);
});

test("the likeliest tokens when asked for", async () => {
  const { pieces } = await say([5, 6], { maxTokens: 2, logprobs: 3 });
  for (const [i, { topLogprobs, logprob, token }] of pieces.entries()) {
    assert.deepEqual([token, topLogprobs?.map(({ token }) => token)], [5 + i, [5 + i, 0, 1]]);
    assert.equal(topLogprobs?.[0]?.logprob, logprob);
  }
  assert.ok(!("topLogprobs" in (await say([5], { maxTokens: 1, logprobs: 0 })).pieces[0]!));
});

test("the last piece has counts and speed; the time of whoever takes the pieces does not count", async () => {
  const model = {
    logits: new Float32Array(300),
    prompt: { tokens: 6, seconds: 2 },
    next: async () => new Float32Array(300),
  };
  const pieces: Piece[] = [];
  for await (const piece of generate(model, new BytesTokenizer(), { temperature: 0, maxTokens: 3 })) {
    pieces.push(piece);
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
  const { usage } = pieces.at(-1)!;
  assert.deepEqual(
    { ...usage, completionTokensPerSecond: 0 },
    {
      promptTokens: 6,
      promptTokensPerSecond: 3,
      completionTokens: 3,
      completionTokensPerSecond: 0,
    },
  );
  assert.ok(usage!.completionTokensPerSecond > 3 / 0.8, "the pauses are 0.8 s alone");
});

test("BlinkDL's exempt tokens", { skip: missingGolden(WORLD) }, async () => {
  const bytes = new BytesTokenizer();
  assert.deepEqual(exemptTokens(bytes).sort(), [..." \t0123456789"].map((letter) => letter.charCodeAt(0)).sort());
  const few = await loadTokenizer(new TextEncoder().encode("a\n7\n"));
  assert.deepEqual(exemptTokens(few), [1], "of a vocabulary without the others");
  const ids = exemptTokens(await loadTokenizer(readFileSync(join(goldenFolder, WORLD)))).sort((a, b) => a - b);
  const digits = Array.from({ length: 10 }, (_, i) => 49 + i);
  const pairs = Array.from({ length: 9 }, (_, i) => 621 + 11 * i);
  assert.deepEqual(ids, [10, 33, ...digits, 264, ...pairs]);
});

test("an aborted signal ends it between two tokens", async () => {
  const controller = new AbortController();
  const shown: string[] = [];
  const generating = async () => {
    const next = async () => new Float32Array(300);
    const model = { logits: new Float32Array(300), next };
    for await (const piece of generate(model, new BytesTokenizer(), { signal: controller.signal })) {
      shown.push(piece.text);
      if (shown.length === 3) controller.abort(new Error("enough"));
    }
  };
  await assert.rejects(generating(), { message: "enough" });
  assert.equal(shown.length, 3);
});
