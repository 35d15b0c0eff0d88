/** Named states: conversations that go on from a name, and their files. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createChat } from "wkv/chat";
import { createServer } from "wkv/server";
import { ask, get, type Json, post, reply, stream } from "../../support/ask-server.ts";
import { load, loadFairy, SMALL, SMALL_IDS, symbols } from "../../support/models.ts";

const CHAT = "/v1/chat/completions";
const options = { temperature: 0, max_tokens: 12 };
const say = (content: string) => [{ role: "user", content }];

const model = await loadFairy();
const server = createServer(model);

const textOf = ({ choices }: Json) => choices[0].message.content;
const put = (path: string, body: Uint8Array<ArrayBuffer>) =>
  new Request(`http://localhost${path}`, { method: "PUT", body });

test("a chat goes on from its name as in one process, and reads only what is new", async () => {
  const chat = await createChat(model);
  const expected: (string | null)[] = [];
  for (const each of ["Tell me of a fox.", "And then?", "Why?"])
    expected.push((await chat.send(each, { temperature: 0, maxTokens: 12 }).result()).message.content);
  const first = await ask(server, CHAT, { ...options, messages: say("Tell me of a fox."), state: "fox" });
  const chunks = await stream(server, CHAT, { ...options, messages: say("And then?"), state: "fox" });
  const third = await ask(server, CHAT, { ...options, messages: say("Why?"), state: "fox" });
  const second = chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
  assert.deepEqual([textOf(first), second, textOf(third)], expected);
  const { prompt_tokens: all, prompt_tokens_details: details } = third.usage;
  assert.ok(details.cached_tokens > all / 2, `${details.cached_tokens} of ${all}`);
});

test("a state is copied, renamed, listed, downloaded, uploaded elsewhere and deleted", async () => {
  await ask(server, CHAT, { ...options, messages: say("Tell me of a wolf."), state: { to: "wolf" } });
  assert.equal((await reply(server, post("/v1/states", { id: "copy", from: "wolf" }))).status, 201);
  assert.equal((await reply(server, post("/v1/states/copy", { id: "moved" }))).status, 200);
  const { body } = await reply(server, get("/v1/states"));
  const ids = body.data.map(({ id }: Json) => id);
  assert.ok(ids.includes("moved") && ids.includes("wolf") && !ids.includes("copy"));
  const info = (await reply(server, get("/v1/states/moved"))).body;
  assert.deepEqual([info.kind, info.model, info.object], ["chat", "fairy.safetensors", "state"]);

  const content = await server.fetch(get("/v1/states/moved/content"));
  const bytes = new Uint8Array(await content.arrayBuffer());
  assert.equal(bytes.length, info.bytes);
  const other = createServer(model);
  assert.equal((await reply(other, put("/v1/states/here/content", bytes))).status, 201);
  const next = { ...options, messages: say("Why?") };
  const [there, here] = [
    await ask(server, CHAT, { ...next, state: { from: "moved" } }),
    await ask(other, CHAT, { ...next, state: { from: "here" } }),
  ];
  assert.equal(textOf(here), textOf(there));

  assert.equal((await reply(server, get("/v1/states/moved", {}, "DELETE"))).status, 200);
  assert.equal((await reply(server, get("/v1/states/moved"))).status, 404);
  const gone = await reply(server, post(CHAT, { ...next, state: { from: "moved" } }));
  assert.deepEqual([gone.status, gone.body.error.param], [404, "state"]);
});

test("messages are read before anything is asked", async () => {
  const system = [{ role: "system", content: "You tell short tales of animals that live in the deep wood." }];
  const made = await reply(server, post("/v1/states", { id: "tales", messages: system }));
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const request = { ...options, messages: say("Tell me of a fox.") };
  const prepared = await ask(server, CHAT, { ...request, state: { from: "tales" } });
  const whole = await ask(server, CHAT, { ...request, messages: [...system, ...request.messages] });
  assert.equal(textOf(prepared), textOf(whole));
  assert.ok(prepared.usage.prompt_tokens_details.cached_tokens > 10);
});

test("a completion goes on from a state without a prompt", async () => {
  const request = { temperature: 0, max_tokens: 6 };
  const whole = await ask(server, "/v1/completions", { ...request, prompt: "Once upon a time", max_tokens: 12 });
  const first = await ask(server, "/v1/completions", { ...request, prompt: "Once upon a time", state: "tale" });
  const second = await ask(server, "/v1/completions", { ...request, state: "tale" });
  assert.equal(first.choices[0].text + second.choices[0].text, whole.choices[0].text);
  const chat = await reply(server, post("/v1/completions", { ...request, state: "fox" }));
  assert.equal(chat.status, 400);
});

test("another model's state and damaged ones are refused with the reason", async () => {
  await using small = await load(SMALL, { vocab: symbols(SMALL_IDS) });
  using session = small.createSession();
  await session.feed([1, 2, 3]);
  const foreign = await reply(server, put("/v1/states/foreign/content", await session.save()));
  assert.equal(foreign.status, 400);
  assert.match(foreign.body.error.message, /another model/);
  for (const bytes of [new Uint8Array(0), new Uint8Array(100), new TextEncoder().encode("wkvc damaged")])
    assert.equal((await reply(server, put("/v1/states/bad/content", bytes))).status, 400);
  assert.equal((await reply(server, get("/v1/states/bad"))).status, 404);
});

test("a state belongs to its key", async () => {
  const shared = createServer(model, { apiKeys: ["a", "b"] });
  const key = (name: string) => ({ authorization: `Bearer ${name}` });
  const made = await reply(shared, post(CHAT, { ...options, messages: say("Hi!"), state: "mine" }, key("a")));
  assert.equal(made.status, 200);
  assert.equal((await reply(shared, get("/v1/states/mine", key("a")))).status, 200);
  assert.equal((await reply(shared, get("/v1/states/mine", key("b")))).status, 404);
  assert.deepEqual((await reply(shared, get("/v1/states", key("b")))).body.data, []);
  for (const id of ["..", "%2e%2e%2fmine", "a%3Amine", ".hidden", "x".repeat(200)])
    assert.ok([400, 404].includes((await reply(shared, get(`/v1/states/${id}`, key("b")))).status), id);
});

test("their number and size are bounded, and two requests do not write one", async () => {
  const bounded = createServer(model, { maxStates: 2, maxStateBytes: 400_000 });
  for (const id of ["a", "b", "a"]) await ask(bounded, CHAT, { ...options, messages: say("Hi!"), state: { to: id } });
  const third = await reply(bounded, post(CHAT, { ...options, messages: say("Hi!"), state: { to: "c" } }));
  assert.equal(third.status, 429);
  const large = await reply(bounded, put("/v1/states/a/content", new Uint8Array(500_000)));
  assert.equal(large.status, 413);
  const both = await Promise.all(
    [1, 2].map(() => reply(server, post(CHAT, { ...options, messages: say("Hi!"), state: "one" }))),
  );
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409]);
});
