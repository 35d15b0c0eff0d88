/** OpenAI's newer API for text, over the same chats. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createServer } from "wkv/server";
import { ask, eventsIn, get, type Json, post, reply } from "../../support/ask-server.ts";
import { loadFairy } from "../../support/models.ts";

const PATH = "/v1/responses";
const options = { temperature: 0, max_output_tokens: 12 };

const model = await loadFairy();
const server = createServer(model, { maxResponses: 3 });

const textOf = ({ output }: Json) => output.find(({ type }: Json) => type === "message").content[0].text;

async function events(body: object): Promise<Json[]> {
  const response = await server.fetch(post(PATH, { ...body, stream: true }));
  assert.match(response.headers.get("content-type")!, /^text\/event-stream/);
  return eventsIn(await response.text()).map((data) => JSON.parse(data));
}

test("a text is what a chat of the same messages says", async () => {
  const input = "Tell me of a fox.";
  const instructions = "You tell tales.";
  const answer = await ask(server, PATH, { ...options, input, instructions });
  const messages = [
    { role: "system", content: instructions },
    { role: "user", content: input },
  ];
  const chat = await ask(server, "/v1/chat/completions", { temperature: 0, max_tokens: 12, messages });
  assert.equal(textOf(answer), chat.choices[0].message.content);
  assert.deepEqual([answer.status, answer.incomplete_details?.reason], ["incomplete", "max_output_tokens"]);
  assert.equal(answer.usage.output_tokens, 12);
  const item = { role: "user", content: [{ type: "input_text", text: input }] };
  assert.equal(textOf(await ask(server, PATH, { ...options, instructions, input: [item] })), textOf(answer));
});

test("a stream's events are numbered, nested, and add up to the whole answer", async () => {
  const body = { ...options, input: "Tell me of a fox." };
  const all = await events(body);
  assert.deepEqual(
    all.map(({ sequence_number: number }) => number),
    all.map((_, i) => i),
  );
  const kinds = all.map(({ type }) => type.replace("response.", ""));
  assert.deepEqual(kinds.slice(0, 4), ["created", "in_progress", "output_item.added", "content_part.added"]);
  const ends = ["output_text.done", "content_part.done", "output_item.done", "incomplete"];
  assert.deepEqual(kinds.slice(-4), ends);
  assert.deepEqual(new Set(kinds.slice(4, -4)), new Set(["output_text.delta"]));
  const text = all.map(({ type, delta }) => (type.endsWith("text.delta") ? delta : "")).join("");
  const last = all.at(-1)!.response;
  assert.equal(text, textOf(last));
  assert.equal(text, textOf(await ask(server, PATH, body)));
  const ids = new Set(all.flatMap(({ item_id: id, item }) => id ?? item?.id ?? []));
  assert.deepEqual([...ids], [last.output[0].id]);
});

test("a response is continued by its id, without its messages", async () => {
  const first = await ask(server, PATH, { ...options, input: "Tell me of a fox." });
  const second = await ask(server, PATH, { ...options, input: "Why?", previous_response_id: first.id });
  const messages = [
    { role: "user", content: "Tell me of a fox." },
    { role: "assistant", content: textOf(first) },
    { role: "user", content: "Why?" },
  ];
  const chat = await ask(server, "/v1/chat/completions", { temperature: 0, max_tokens: 12, messages });
  assert.equal(textOf(second), chat.choices[0].message.content);
  assert.ok(second.usage.input_tokens_details.cached_tokens > second.usage.input_tokens / 2);
  assert.equal((await reply(server, get(`${PATH}/${first.id}`, {}, "DELETE"))).status, 200);
  const gone = await reply(server, post(PATH, { ...options, input: "Why?", previous_response_id: first.id }));
  assert.deepEqual([gone.status, gone.body.error.param], [404, "previous_response_id"]);
});

test("instructions that the conversation has are not read again", async () => {
  const instructions = "You tell tales.";
  const first = await ask(server, PATH, { ...options, instructions, input: "Tell me of a fox." });
  const next = { ...options, input: "Why?", previous_response_id: first.id };
  const [without, again] = [
    await ask(server, PATH, next),
    await ask(server, PATH, { ...next, instructions }), //
  ];
  assert.equal(again.usage.input_tokens, without.usage.input_tokens);
  assert.equal(textOf(again), textOf(without));
});

test("the newest responses are kept, and none with store: false", async () => {
  const kept = async () => (await reply(server, get("/v1/states"))).body.data.map(({ id }: Json) => id);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push((await ask(server, PATH, { ...options, input: `${i}` })).id);
  assert.deepEqual((await kept()).sort(), ids.slice(2));
  await ask(server, PATH, { ...options, input: "Hi!", store: false });
  assert.deepEqual((await kept()).sort(), ids.slice(2));
});

test("calls are items, their results are input, and text is held to a schema", async () => {
  const parameters = {
    type: "object",
    properties: { city: { enum: ["Paris", "Rome"] } },
    required: ["city"],
    additionalProperties: false,
  };
  const tools = [{ type: "function", name: "weather", parameters }];
  const body = { seed: 1, max_output_tokens: 200, tools, tool_choice: "required", input: "Is there rain?" };
  const all = await events(body);
  const call = all.at(-1)!.response.output.at(-1);
  assert.deepEqual([call.type, call.name, call.status], ["function_call", "weather", "completed"]);
  assert.match(JSON.parse(call.arguments).city, /^(Paris|Rome)$/);
  const done = all.findLast(({ type }) => type === "response.function_call_arguments.done");
  assert.deepEqual([done!.arguments, done!.item_id], [call.arguments, call.id]);
  const input = [
    { role: "user", content: "Is there rain?" },
    call,
    { type: "function_call_output", call_id: call.call_id, output: "rain" },
  ];
  assert.notEqual(textOf(await ask(server, PATH, { ...options, tools, tool_choice: "none", input })), "");

  const schema = { type: "object", properties: { age: { enum: [1, 2] } }, required: ["age"] };
  const format = { type: "json_schema", name: "age", schema: { ...schema, additionalProperties: false } };
  const held = await ask(server, PATH, { max_output_tokens: 100, seed: 1, input: "How old?", text: { format } });
  assert.ok([1, 2].includes(JSON.parse(textOf(held)).age));
});

test("what is wrong is named", async () => {
  const wrong = async (body: object) => {
    const { status, body: answer } = await reply(server, post(PATH, { input: "Hi!", ...body }));
    return [status, answer.error.param];
  };
  assert.deepEqual(await wrong({ input: [] }), [400, "input"]);
  assert.deepEqual(await wrong({ top_p: 3 }), [400, "top_p"]);
  assert.deepEqual(await wrong({ previous_response_id: "../x" }), [400, "previous_response_id"]);
  assert.deepEqual(await wrong({ input: [{ role: "user", content: [{ type: "input_image" }] }] }), [
    400,
    "input[0].content[0].type",
  ]);
});
