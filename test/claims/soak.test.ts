// The short form of `npm run soak`: results do not depend on how a text is cut, on threads or on who else runs, and nothing that a
// session or a model took is kept.
import assert from "node:assert/strict";
import { test } from "node:test";
import { loads, longSession, serverLoad, sessions } from "../soak/run.ts";
import { FULL } from "../support/effort.ts";

const TOKENS = FULL ? 6_000 : 2_000;

test("a long text gives the same bits in two processes that cut it differently, in constant memory", async () => {
  const [one, other] = [await longSession(TOKENS, 1, 1), await longSession(TOKENS, 2, 2)];
  assert.equal(one.hash, other.hash);
  for (const { early, late } of [one, other])
    assert.ok(late.heap - early.heap < 1, `${late.heap - early.heap} MB more`);
});

test("models that are loaded and disposed of leave no memory, threads or files behind", async () => {
  const { early, late } = await loads(FULL ? 60 : 20);
  assert.ok(late.heap - early.heap < 2, `${late.heap - early.heap} MB more`);
  assert.ok(late.threads <= early.threads, `${late.threads - early.threads} threads more`);
  assert.ok(late.files <= early.files, `${late.files - early.files} files more`);
});

test("sessions side by side get what each gets alone", async () => {
  const { different, hits } = await sessions(FULL ? 24 : 12, 1);
  assert.deepEqual(different, []);
  assert.ok(hits > 0);
});

test("a server bears 100 clients, many of which misbehave, and every finished answer is the library's", async () => {
  const { seen, wrong, early, late, code } = await serverLoad(6, 100, 1);
  assert.deepEqual(wrong, []);
  assert.equal(code, 0);
  assert.equal(Object.keys(seen).length, 9, JSON.stringify(seen));
  assert.ok(late.heap - early.heap < 8, `${late.heap - early.heap} MB more`); // V8 compiles for some seconds
  assert.ok(late.threads <= early.threads, `${late.threads - early.threads} threads more`);
  assert.ok(late.files <= early.files, `${late.files - early.files} files more`);
});
