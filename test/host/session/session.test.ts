/** What a session does for its callers, and what it says to those who are wrong. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Mark, Model, Session } from "wkv";
import type { Runner } from "../../../host/engine/runner.ts";
import { textOf } from "../../support/collect.ts";
import { load, randomTokens, SMALL, SMALL_IDS, symbol, symbols } from "../../support/models.ts";
import { refused } from "../../support/refused.ts";

let model: Model;
before(async () => {
  model = await load(SMALL, { threads: 2, vocab: symbols(SMALL_IDS) });
});
after(() => model.dispose());

describe("feed", () => {
  test("takes one id, an array, a typed array or any iterable", async () => {
    const expected = await model.createSession().feed([3, 4, 5]);
    assert.equal(expected.length, SMALL_IDS);
    for (const tokens of [Uint32Array.of(3, 4, 5), new Set([3, 4, 5])])
      assert.deepEqual(await model.createSession().feed(tokens), expected);
    const session = model.createSession();
    for (const id of [3, 4]) await session.feed(id);
    assert.deepEqual(await session.feed(5), expected);
  });

  test("gives logits that are the caller's own", async () => {
    const session = model.createSession();
    const logits = await session.feed([1, 2]);
    const kept = logits.slice();
    logits.fill(7);
    assert.deepEqual(await session.feed([]), kept);
    await session.feed([3]);
    assert.deepEqual(logits, new Float32Array(SMALL_IDS).fill(7));
  });

  test("writes the logits into an array that it is given", async () => {
    const session = model.createSession();
    const into = new Float32Array(SMALL_IDS);
    const logits = await session.feed([1, 2], { into });
    assert.equal(logits, into);
    assert.deepEqual(into, await model.createSession().feed([1, 2]));
    into.fill(7);
    assert.notDeepEqual(await session.feed([]), into);
  });

  test("refuses an array of another kind or size, and takes nothing in", async () => {
    const session = model.createSession();
    const wrong: [unknown, string, RegExp][] = [
      [new Float32Array(SMALL_IDS - 1), "RangeError", /"into" expected an array of 97 values, got one of 96/],
      [new Float64Array(SMALL_IDS), "TypeError", /"into" expected a Float32Array, got object/],
      [null, "TypeError", /"into" expected a Float32Array, got null/],
    ];
    for (const [into, name, message] of wrong)
      await assert.rejects(session.feed(1, { into: into as Float32Array }), { name, message }, String(into));
    await assert.rejects(session.feed([]), RangeError);
  });

  test("refuses what is no token id, and takes none of them in", async () => {
    const session = model.createSession();
    await session.feed([1]);
    const wrong: [unknown, string, RegExp][] = [
      [SMALL_IDS, "RangeError", /"tokens" expected ids from 0 to 96, got 97/],
      [[1, -1], "RangeError", /got -1/],
      [[1.5], "RangeError", /got 1.5/],
      [[Number.NaN], "RangeError", /got NaN/],
      [["1"], "TypeError", /"tokens" expected numbers, got string/],
      ["text", "TypeError", /"tokens" expected numbers, got string/],
      [undefined, "TypeError", /"tokens" expected ids, got undefined/],
      [null, "TypeError", /"tokens" expected ids, got null/],
      [{}, "TypeError", /"tokens" expected ids, got object/],
    ];
    for (const [tokens, name, message] of wrong)
      await assert.rejects(session.feed(tokens as number[]), { name, message }, String(tokens));
    assert.deepEqual(await session.feed([2]), await model.createSession().feed([1, 2]));
  });

  test("of nothing on a fresh session has no logits to give", async () => {
    const session = model.createSession();
    await assert.rejects(session.feed([]), { name: "RangeError", message: /at least one token/ });
    await assert.rejects(textOf(session.generate()), { name: "RangeError", message: /at least one token/ });
    assert.equal((await session.feed([1])).length, SMALL_IDS);
  });

  test("while one runs is refused, and so is everything else that would touch the state", async () => {
    const session = model.createSession();
    const first = session.feed(randomTokens(300, SMALL_IDS));
    await assert.rejects(session.feed([1]), refused("busy", /still working/));
    await assert.rejects(session.save(), refused("busy", /still working/));
    await assert.rejects(textOf(session.generate([1])), refused("busy", /still working/));
    assert.throws(() => session.fork(), refused("busy", /still working/));
    assert.throws(() => session.reset(), refused("busy", /still working/));
    assert.deepEqual(await first, await model.createSession().feed(randomTokens(300, SMALL_IDS)));
  });

  test("stops between two batches when its signal is aborted", async () => {
    const session = model.createSession();
    await session.feed([5]);
    const controller = new AbortController();
    const feeding = session.feed(randomTokens(20_000, SMALL_IDS), { signal: controller.signal });
    setImmediate(() => controller.abort(new Error("enough")));
    await assert.rejects(feeding, { message: "enough" });
    await assert.rejects(session.feed([]), { name: "RangeError" }, "logits of another state");
    session.reset();
    assert.deepEqual(await session.feed([1, 2]), await model.createSession().feed([1, 2]));
  });

  test("gives its place back when it is disposed of meanwhile", async () => {
    const { runner } = model as unknown as { runner: Runner };
    const place = runner.takeState();
    runner.freeState(place);
    const session = model.createSession();
    const feeding = session.feed(randomTokens(300, SMALL_IDS));
    session.dispose();
    const other = runner.takeState();
    assert.notEqual(other, place, "not while it feeds");
    await feeding.catch(() => {});
    assert.equal(runner.takeState(), place);
    runner.freeState(place);
    runner.freeState(other);
  });

  test("does nothing when its signal is aborted before", async () => {
    const session = model.createSession();
    const logits = await session.feed([1]);
    await assert.rejects(session.feed([2], { signal: AbortSignal.abort(new Error("never")) }), { message: "never" });
    assert.deepEqual(await session.feed([]), logits);
    assert.deepEqual(await session.feed([2]), await model.createSession().feed([1, 2]));
  });
});

describe("generate", () => {
  test("a seed gives the same text, another seed another one", async () => {
    const write = (seed: number) => textOf(model.createSession().generate([1, 2, 3], { seed, topP: 1, maxTokens: 40 }));
    assert.equal(await write(5), await write(5));
    assert.notEqual(await write(5), await write(6));
  });

  test("a prompt of text is a prompt of its tokens", async () => {
    const prompt = symbol(7) + symbol(8);
    const options = { temperature: 0, maxTokens: 5 };
    assert.equal(
      await textOf(model.createSession().generate(prompt, options)),
      await textOf(model.createSession().generate([7, 8], options)),
    );
  });

  test("leaves a session that has read the prompt and every token made", async () => {
    const session = model.createSession();
    const made: number[] = [];
    for await (const { token } of session.generate([1, 2], { seed: 1, maxTokens: 6 })) made.push(token);
    const twin = model.createSession();
    assert.deepEqual(await twin.feed([1, 2, ...made]), await session.feed([]));
    const options = { temperature: 0, maxTokens: 4 };
    assert.equal(await textOf(session.generate([], options)), await textOf(twin.generate([], options)));
  });

  test("may be left early", async () => {
    const session = model.createSession();
    let first: number | undefined;
    for await (const { token } of session.generate([1, 2], { temperature: 0 })) {
      first = token;
      break;
    }
    assert.deepEqual(await session.feed([9]), await model.createSession().feed([1, 2, first!, 9]));
  });

  test("ends with the signal's reason, on a session that can go on", async () => {
    const session = model.createSession();
    const controller = new AbortController();
    const made: number[] = [];
    const generating = async () => {
      for await (const { token } of session.generate([1, 2], { temperature: 0, signal: controller.signal })) {
        made.push(token);
        if (made.length === 3) controller.abort(new Error("enough"));
      }
    };
    await assert.rejects(generating(), { message: "enough" });
    assert.equal(made.length, 3);
    assert.deepEqual(await session.feed([9]), await model.createSession().feed([1, 2, ...made, 9]));
  });

  test("checks every option before anything is read", async () => {
    const session = model.createSession();
    await session.feed([1]);
    const wrong: [object, RegExp][] = [
      [{ maxTokens: 0 }, /"maxTokens" expected a whole number >= 1, got 0/],
      [{ stop: "x" }, /"stop" expected an array/],
      [{ stop: [""] }, /"stop" expected an array of non-empty strings/],
      [{ temperature: -1 }, /"temperature"/],
      [{ topP: 2 }, /"topP"/],
    ];
    for (const [options, message] of wrong) assert.throws(() => session.generate([2], options), { message });
    assert.throws(() => session.generate([SMALL_IDS]), { name: "RangeError", message: /"prompt" expected ids/ });
    assert.deepEqual(await session.feed([2]), await model.createSession().feed([1, 2]));
  });

  test("of text needs a vocabulary", async () => {
    const mute = await load(SMALL);
    assert.throws(() => mute.createSession().generate("text"), refused("bad-vocab", /97 embedding rows.*Give it/));
    assert.throws(() => mute.tokenizer, refused("bad-vocab", /97 embedding rows/));
    await mute.dispose();
  });
});

describe("save", () => {
  let saved: Uint8Array;
  before(async () => {
    const session = model.createSession();
    await session.feed([1, 2, 3]);
    saved = await session.save();
  });

  test("brings back the logits too", async () => {
    assert.deepEqual(await model.createSession(saved).feed([]), await model.createSession().feed([1, 2, 3]));
    assert.deepEqual(await model.createSession(saved).save(), saved);
  });

  test("of a fresh session is a fresh session", async () => {
    const fresh = model.createSession(await model.createSession().save());
    await assert.rejects(fresh.feed([]), RangeError);
    assert.deepEqual(await fresh.feed([4]), await model.createSession().feed([4]));
  });

  test("is read from any place in a buffer, and from Node's Buffers", async () => {
    assert.deepEqual(await model.createSession(Buffer.from(saved)).save(), saved);
    const shifted = new Uint8Array(saved.length + 3);
    shifted.set(saved, 3);
    assert.deepEqual(await model.createSession(shifted.subarray(3)).save(), saved);
  });
});

describe("mark and rewind", () => {
  const tokens = randomTokens(60, SMALL_IDS);

  test("go back as if nothing had been read since, as often as you like", async () => {
    const session = model.createSession();
    await session.feed(tokens.slice(0, 20));
    const mark = await session.mark();
    const expected = await session.feed(tokens.slice(20));
    for (let i = 0; i < 2; i++) {
      await session.feed([7, 8, 9]);
      session.rewind(mark);
      assert.deepEqual(await session.feed([]), await model.createSession().feed(tokens.slice(0, 20)));
      assert.deepEqual(await session.feed(tokens.slice(20)), expected);
    }
  });

  test("of several marks each stands for itself, before and after others", async () => {
    const session = model.createSession();
    const fresh = await session.mark();
    await session.feed([1]);
    const one = await session.mark();
    await session.feed([2]);
    const two = await session.mark();
    session.rewind(one);
    assert.deepEqual(await session.feed([3]), await model.createSession().feed([1, 3]));
    session.rewind(two);
    assert.deepEqual(await session.feed([3]), await model.createSession().feed([1, 2, 3]));
    session.rewind(fresh);
    await assert.rejects(session.feed([]), RangeError);
    assert.deepEqual(await session.feed([3]), await model.createSession().feed([3]));
  });

  test("work on a fork, and after the session that was marked is gone", async () => {
    const session = model.createSession();
    await session.feed([1, 2]);
    const mark = await session.mark();
    const fork = session.fork();
    session.dispose();
    await fork.feed([5]);
    fork.rewind(mark);
    assert.deepEqual(await fork.feed([3]), await model.createSession().feed([1, 2, 3]));
  });

  test("a mark takes a state and its logits, until it is disposed of", async () => {
    const session = model.createSession();
    await session.feed([1]);
    const mark = await session.mark();
    // The place of a state in memory ends on a cache line.
    assert.ok(Math.abs(mark.bytes - (model.info.stateBytes + 4 * SMALL_IDS)) < 64);
    mark.dispose();
    mark.dispose();
    assert.equal(mark.bytes, 0);
    assert.throws(() => session.rewind(mark), refused("disposed", /mark was disposed/));
    assert.deepEqual(await session.feed([2]), await model.createSession().feed([1, 2]));
  });

  test("while the session works are refused, and so is what is no mark of this model", async () => {
    const session = model.createSession();
    const mark = await session.mark();
    const feeding = session.feed(tokens);
    await assert.rejects(session.mark(), refused("busy", /still working/));
    assert.throws(() => session.rewind(mark), refused("busy", /still working/));
    await feeding;
    for (const [wrong, what] of [
      [null, "null"],
      [{}, "object"],
      [session.mark(), "a promise"],
    ] as const)
      assert.throws(() => session.rewind(wrong as unknown as Mark), {
        name: "TypeError",
        message: `"mark" expected what session.mark() resolves to, got ${what}`,
      });
    const other = await load(SMALL);
    assert.throws(() => other.createSession().rewind(mark), refused("bad-state", /another model's session/));
    await other.dispose();
  });
});

describe("dispose", () => {
  let mark: Mark;
  before(async () => {
    mark = await model.createSession().mark();
  });
  const used: [string, (session: Session) => unknown][] = [
    ["feed", (session) => session.feed([1])],
    ["generate", (session) => textOf(session.generate([1]))],
    ["save", (session) => session.save()],
    ["fork", (session) => session.fork()],
    ["reset", (session) => session.reset()],
    ["mark", (session) => session.mark()],
    ["rewind", (session) => session.rewind(mark)],
  ];

  for (const [name, use] of used)
    test(`${name} after it is refused`, async () => {
      const session = model.createSession();
      session.dispose();
      session.dispose();
      await assert.rejects(async () => use(session), refused("disposed", /session was disposed/));
    });

  test("of the model ends its sessions, forks included", async () => {
    const other = await load(SMALL, { vocab: symbols(SMALL_IDS) });
    const session = other.createSession();
    const fork = session.fork();
    await other.dispose();
    await other.dispose();
    for (const [, use] of used)
      for (const ended of [session, fork])
        await assert.rejects(async () => use(ended), refused("disposed", /was disposed/));
    assert.throws(() => other.createSession(), refused("disposed", /model was disposed/));
  });

  test("of the model rejects what runs", async () => {
    const other = await load(SMALL, { threads: 2 });
    const sessions = [other.createSession(), other.createSession()];
    const feeding = sessions.map((session) => session.feed(randomTokens(50_000, SMALL_IDS)));
    const ended = feeding.map((promise) =>
      assert.rejects(promise, refused("disposed", /disposed while it was working/)),
    );
    await new Promise(setImmediate);
    await other.dispose();
    await Promise.all(ended);
  });

  test("of a session lets the call that runs finish, and its place is used again only then", async () => {
    const session = model.createSession();
    const tokens = randomTokens(1000, SMALL_IDS);
    const feeding = session.feed(tokens);
    session.dispose();
    const next = model.createSession();
    const [logits, others] = await Promise.all([feeding, next.feed([1, 2])]);
    assert.deepEqual(logits, await model.createSession().feed(tokens));
    assert.deepEqual(others, await model.createSession().feed([1, 2]));
  });

  test("of a session ends its generation", async () => {
    const session = model.createSession();
    const generating = async () => {
      for await (const _ of session.generate([1], { maxTokens: 1000 })) session.dispose();
    };
    await assert.rejects(generating(), refused("disposed", /session was disposed/));
  });

  test("gives places back: as many sessions as you like, one after the other", async () => {
    const other = await load(SMALL);
    const { stateBytes } = other.info;
    for (let i = 0; i < (2 ** 32 / stateBytes) * 2; i++) other.createSession().dispose();
    await other.dispose();
  });
});

test("createSession says what it expects", () => {
  const create = (saved: unknown) => () => model.createSession(saved as Uint8Array);
  const wrong: [unknown, RegExp][] = [
    [Promise.resolve(new Uint8Array(1)), /"saved" expected a Uint8Array or { initialState }, got a promise/],
    [null, /got null/],
    ["state.bin", /got string/],
    [new ArrayBuffer(8), /got object/],
    [[1, 2], /got object/],
    [{ state: new Uint8Array(1) }, /"state" is no option of createSession: did you mean "initialState"/],
    [{ initialState: Promise.resolve() }, /"initialState" expected a Uint8Array, got a promise/],
    [{ initialState: "x" }, /"initialState" expected a Uint8Array, got string/],
  ];
  for (const [saved, message] of wrong) assert.throws(create(saved), { name: "TypeError", message });
  for (const fine of [undefined, {}, { initialState: undefined }]) create(fine)().dispose();
});
