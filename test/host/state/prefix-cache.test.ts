/** Where the prefix cache keeps states, which prompts find them, and what makes room. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import type { Model, PrefixCacheStats, Session } from "wkv";
import { PrefixTree } from "../../../host/state/prefix-tree.ts";
import { load, randomTokens, SMALL, SMALL_IDS, symbols } from "../../support/models.ts";
import { random } from "../../support/random.ts";

const text = (length: number, seed: number) => randomTokens(length, SMALL_IDS, seed);
/** Longer than a batch. */
const SYSTEM = text(300, 1);
const QUESTIONS = [2, 3, 4, 5].map((seed) => [seed, ...text(40, seed)]);
const [Q1, Q2, Q3] = QUESTIONS as [number[], number[], number[]];

let plain: Model;
let model: Model;
/** What the cache did since the test began. */
let since: PrefixCacheStats;
before(async () => {
  plain = await load(SMALL, { vocab: symbols(SMALL_IDS) });
});
after(() => plain.dispose());
beforeEach(async () => {
  model = await load(SMALL, { vocab: symbols(SMALL_IDS), prefixCache: { maxBytes: 10e6 } });
  since = model.prefixCache;
});
afterEach(() => model.dispose());

/** Feeds pieces to a new session, and compares its logits with those of a model that has no cache. */
async function read(...pieces: number[][]): Promise<Session> {
  const session = model.createSession();
  const twin = plain.createSession();
  for (const piece of pieces) assert.deepEqual(await session.feed(piece), await twin.feed(piece));
  twin.dispose();
  return session;
}

/** Hits, misses and saved tokens since the last time, and how many states there are now. */
function counts(): [hits: number, misses: number, tokensSaved: number, states: number] {
  const { hits, misses, tokensSaved, states } = model.prefixCache;
  const result = [hits - since.hits, misses - since.misses, tokensSaved - since.tokensSaved, states] as const;
  since = model.prefixCache;
  return [...result];
}

describe("a prompt starts where an earlier one", () => {
  test("has ended: the whole of it is known", async () => {
    await read(SYSTEM);
    assert.deepEqual(counts(), [0, 1, 0, 1]);
    await read(SYSTEM);
    assert.deepEqual(counts(), [1, 0, 300, 1]);
  });

  test("has ended, and goes on", async () => {
    await read(SYSTEM);
    await read([...SYSTEM, ...Q1]);
    assert.deepEqual(counts(), [1, 1, 300, 2]);
    await read([...SYSTEM, ...Q1, ...Q2]);
    assert.deepEqual(counts(), [1, 0, 341, 3]);
  });

  test("has left another one's way: seen the second time, used the third time", async () => {
    await read([...SYSTEM, ...Q1]);
    assert.deepEqual(counts(), [0, 1, 0, 1]);
    await read([...SYSTEM, ...Q2]);
    assert.deepEqual(counts(), [0, 1, 0, 3]);
    await read([...SYSTEM, ...Q3]);
    assert.deepEqual(counts(), [1, 0, 300, 4]);
  });

  test("was fed in one piece, if pieces were: the caller knows best where to keep a state", async () => {
    await read(SYSTEM, Q1);
    assert.deepEqual(counts(), [0, 2, 0, 2]);
    await read([...SYSTEM, ...Q2]);
    assert.deepEqual(counts(), [1, 0, 300, 3]);
    await read(SYSTEM, Q1);
    assert.deepEqual(counts(), [2, 0, 341, 3]);
  });

  test("and its generation have ended", async () => {
    const session = model.createSession();
    const made: number[] = [];
    for await (const { token } of session.generate(SYSTEM, { maxTokens: 30, seed: 1, topP: 1 })) made.push(token);
    assert.deepEqual(counts(), [0, 1, 0, 2]);
    await read([...SYSTEM, ...made, ...Q1]);
    assert.deepEqual(counts(), [1, 0, 300 + made.length, 3]);
  });

  test("was left in the middle of its generation", async () => {
    const session = model.createSession();
    const made: number[] = [];
    for await (const { token } of session.generate(SYSTEM, { maxTokens: 30, seed: 1, topP: 1 }))
      if (made.push(token) === 20) break;
    await read([...SYSTEM, ...made, ...Q1]);
    assert.deepEqual(counts(), [1, 1, 320, 3]);
  });

  test("and more of its text is known than it says itself", async () => {
    await read([...SYSTEM, ...Q1]);
    const session = await read(SYSTEM.slice(0, 7), SYSTEM.slice(7, 9));
    assert.deepEqual(await session.feed([...SYSTEM.slice(9), ...Q1]), await logitsOf([...SYSTEM, ...Q1]));
    assert.deepEqual(counts(), [1, 1, 332, 1]);
  });
});

async function logitsOf(tokens: number[]): Promise<Float32Array> {
  const session = plain.createSession();
  const logits = await session.feed(tokens);
  session.dispose();
  return logits;
}

describe("a prompt does not start in", () => {
  test("a text that begins otherwise, or has no 16 tokens", async () => {
    await read(SYSTEM);
    counts();
    await read(SYSTEM.slice(1));
    await read([1, ...SYSTEM]);
    assert.deepEqual(counts(), [0, 2, 0, 3]);
    await read(SYSTEM.slice(0, 15));
    for (const token of Q1) await read([token]);
    assert.deepEqual(counts(), [0, 0, 0, 3]);
  });

  test("a text that was read from another initial state", async () => {
    const states = await Promise.all([[1], [2]].map(async (tokens) => (await read(tokens)).save()));
    const readFrom = async (state: Uint8Array, twinState = state) => {
      const [session, twin] = [model.createSession(state), plain.createSession(twinState)];
      assert.deepEqual(await session.feed(SYSTEM), await twin.feed(SYSTEM));
      twin.dispose();
      return session;
    };
    await read(SYSTEM);
    await readFrom(states[0]!);
    await readFrom(states[1]!);
    assert.deepEqual(counts(), [0, 3, 0, 3]);
    await readFrom(states[0]!.slice());
    await readFrom(states[1]!.slice());
    assert.deepEqual(counts(), [2, 0, 600, 3]);
    const session = await readFrom(states[1]!);
    session.reset();
    assert.deepEqual(await session.feed(SYSTEM), await logitsOf(SYSTEM));
    assert.deepEqual(counts(), [2, 0, 600, 3]);
  });

  test("a text that a feed was aborted in", async () => {
    const session = model.createSession();
    const long = text(20_000, 6);
    const controller = new AbortController();
    const feeding = session.feed(long, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await assert.rejects(feeding, { name: "AbortError" });
    await session.feed(Q1); // after an unknown part of the text
    await read([...long.slice(0, 128), ...Q1]);
    assert.deepEqual(counts(), [0, 2, 0, 1]);
  });

  test("anything, when there is no cache", async () => {
    for (let i = 0; i < 2; i++) await plain.createSession().feed(SYSTEM);
    const { hits, misses, bytes, states, maxBytes } = plain.prefixCache;
    assert.deepEqual([hits, misses, bytes, states, maxBytes], [0, 0, 0, 0, 0]);
  });
});

describe("forks and rewinds", () => {
  test("take along what their session has read", async () => {
    const session = await read(SYSTEM);
    const mark = await session.mark();
    const fork = session.fork();
    await fork.feed(Q1);
    counts();
    await read([...SYSTEM, ...Q1]);
    assert.deepEqual(counts(), [1, 0, 341, 2]);
    await session.feed(Q2);
    session.rewind(mark);
    assert.deepEqual(await session.feed(Q1), await logitsOf([...SYSTEM, ...Q1]));
    assert.deepEqual(counts(), [1, 1, 41, 3]);
  });

  test("go their own ways", async () => {
    const session = await read(SYSTEM);
    const fork = session.fork();
    await fork.feed(Q1);
    await session.feed(Q2);
    counts();
    await read([...SYSTEM, ...Q1]);
    await read([...SYSTEM, ...Q2]);
    assert.deepEqual(counts(), [2, 0, 682, 3]);
    await read([...SYSTEM, ...Q1, ...Q2]);
    assert.deepEqual(counts(), [1, 0, 341, 4]);
  });

  test("a session that is disposed of while it feeds still keeps what it has read", async () => {
    const session = model.createSession();
    const feeding = session.feed(SYSTEM);
    session.dispose();
    assert.deepEqual(await feeding, await logitsOf(SYSTEM));
    await read(SYSTEM);
    assert.deepEqual(counts(), [1, 1, 300, 1]);
  });

  test("sessions that read the same at the same time", async () => {
    const expected = await logitsOf(SYSTEM);
    const all = await Promise.all(Array.from({ length: 4 }, () => model.createSession().feed(SYSTEM)));
    for (const logits of all) assert.deepEqual(logits, expected);
    assert.deepEqual(counts(), [0, 4, 0, 1]);
  });
});

describe("the limit", () => {
  test("is kept, and the state that was not used for the longest time goes first", async () => {
    const one = model.info.stateBytes + 4 * SMALL_IDS + 2000;
    await model.dispose();
    model = await load(SMALL, { prefixCache: { maxBytes: 3 * one } });
    since = model.prefixCache;
    const prompts = [1, 2, 3, 4].map((seed) => text(30, seed));
    for (const i of [0, 1, 2, 0, 3]) {
      await read(prompts[i]!);
      assert.ok(model.prefixCache.bytes <= 3 * one);
    }
    assert.deepEqual(counts(), [1, 4, 30, 3]);
    assert.equal(model.prefixCache.dropped, 1);
    for (const i of [0, 2, 3]) await read(prompts[i]!);
    assert.deepEqual(counts(), [3, 0, 90, 3]);
    await read(prompts[1]!);
    assert.deepEqual(counts(), [0, 1, 0, 3]);
  });

  test("that no state would fit is refused", async () => {
    for (const maxBytes of [-1, 1, 1000, Number.NaN, "1e9" as unknown as number, undefined as unknown as number])
      await assert.rejects(load(SMALL, { prefixCache: { maxBytes } }), {
        name: "RangeError",
        message: /"prefixCache.maxBytes" expected 0 or at least \d+ for one state of this model, got/,
      });
  });
});

test("the tree finds what a plain search finds, and takes no more bytes when all is cleared", () => {
  const next = random(5);
  const tree = new PrefixTree<string>();
  const all = new Map<string, ReturnType<typeof tree.insert>>();
  const draw = () => Array.from({ length: 1 + next(12) }, () => next(2));
  const isPrefix = (key: string, of: string) => `${of},`.startsWith(`${key},`);
  for (let i = 0; i < 5000; i++) {
    const tokens = draw();
    const key = tokens.join();
    const longest = [...all.keys()].filter((k) => isPrefix(k, key)).sort((a, b) => b.length - a.length)[0];
    const { node, depth, common } = tree.match(tokens);
    assert.equal(node?.value, longest);
    assert.equal(depth, longest === undefined ? 0 : longest.split(",").length);
    assert.equal(common, Math.max(0, ...[...all.keys()].map((k) => commonLength(k.split(","), tokens))));
    if (next(2)) {
      const reached = tree.insert(tokens);
      reached.value = key;
      all.set(key, reached);
    } else {
      const [victim] = all.keys();
      if (victim === undefined) continue;
      tree.clear(all.get(victim)!);
      all.delete(victim);
    }
  }
  for (const node of all.values()) tree.clear(node);
  assert.equal(tree.bytes, 0);
  assert.equal(tree.root.children.size, 0);
});

function commonLength(one: readonly string[], tokens: readonly number[]): number {
  const different = one.findIndex((token, i) => token !== String(tokens[i]));
  return different < 0 ? one.length : different;
}
