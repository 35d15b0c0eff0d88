/** A secret in one session changes no bit of what another one sees: beside it, after it, or in its place in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createServer } from "wkv/server";
import { ask, get, type Json, post, reply } from "../../support/ask-server.ts";
import { loadFairy } from "../../support/models.ts";

const CHAT = "/v1/chat/completions";
const SECRET = "The secret word is zanzibar. ".repeat(20);

const model = await loadFairy({ prefixCache: { maxBytes: 2e7 } });
const server = createServer(model);

const chat = (content: string, more = {}) =>
  ask(server, CHAT, { messages: [{ role: "user", content }], seed: 3, max_tokens: 16, ...more });
const canary = async () => (await chat("What is the secret word?", { logprobs: true, top_logprobs: 20 })).choices[0];
const neighbours = (count: number) => Array.from({ length: count }, (_, i) => chat(`${SECRET} ${i}`, { seed: i }));

test("with and without neighbours, the probabilities have the same bits", async () => {
  const alone = await canary();
  assert.equal(alone.logprobs.content[0].top_logprobs.length, 20);
  const [beside] = await Promise.all([canary(), ...neighbours(6)]);
  assert.deepEqual(beside, alone);
  assert.deepEqual(await canary(), alone, "in memory that a neighbour had");
  const fresh = createServer(model);
  const { choices } = await ask(fresh, CHAT, {
    messages: [{ role: "user", content: "What is the secret word?" }],
    seed: 3,
    max_tokens: 16,
    logprobs: true,
    top_logprobs: 20,
  });
  assert.deepEqual(choices[0], alone);
});

test("a state, a response and a list are those of one key only", async () => {
  const shared = createServer(model, { apiKeys: ["a", "b"] });
  const as = (key: string) => ({ authorization: `Bearer ${key}` });
  const said = { messages: [{ role: "user", content: SECRET }], max_tokens: 4, state: "mine" };
  assert.equal((await reply(shared, post(CHAT, said, as("a")))).status, 200);
  const { body: response } = await reply(
    shared,
    post("/v1/responses", { input: SECRET, max_output_tokens: 4 }, as("a")),
  );
  assert.deepEqual((await reply(shared, get("/v1/states", as("b")))).body.data, []);
  for (const [path, body] of [
    [CHAT, { ...said, state: { from: "mine" } }],
    ["/v1/responses", { input: "What?", previous_response_id: response.id }],
    ["/v1/states", { id: "copy", from: "mine" }],
  ] as const)
    assert.equal((await reply(shared, post(path, body, as("b")))).status, 404, path);
  const listed: Json[] = (await reply(shared, get("/v1/states", as("a")))).body.data;
  assert.deepEqual(listed.map(({ id }) => id).sort(), ["mine", response.id]);
});
