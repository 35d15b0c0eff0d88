/** Ollama's routes, over the same chats. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createServer } from "wkv/server";
import { ask, get, type Json, post } from "../../support/ask-server.ts";
import { loadFairy } from "../../support/models.ts";

const options = { temperature: 0, num_predict: 12 };
const messages = [{ role: "user", content: "Tell me of a fox." }];

const model = await loadFairy();
const server = createServer(model);

async function lines(path: string, body: object): Promise<Json[]> {
  const response = await server.fetch(post(path, { model: "fairy", options, ...body }));
  assert.deepEqual([response.status, response.headers.get("content-type")], [200, "application/x-ndjson"]);
  const text = await response.text();
  assert.ok(text.endsWith("\n"));
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("a chat streams unless it is told not to, with the same text as OpenAI's", async () => {
  const all = await lines("/api/chat", { messages });
  const text = all.map(({ message }) => message.content).join("");
  const chat = await ask(server, "/v1/chat/completions", { temperature: 0, max_tokens: 12, messages });
  assert.equal(text, chat.choices[0].message.content);
  assert.deepEqual(
    all.map(({ done }) => done),
    all.map((_, i) => i === all.length - 1),
  );
  const { done_reason: reason, eval_count: made, total_duration: total, prompt_eval_count: read } = all.at(-1)!;
  assert.deepEqual([reason, made, read], ["length", 12, chat.usage.prompt_tokens]);
  assert.ok(total > 1e6);
  const whole = await ask(server, "/api/chat", { model: "fairy", options, messages, stream: false });
  assert.deepEqual([whole.message, whole.done], [{ role: "assistant", content: text }, true]);
});

test("a text has the model's template, or none with raw", async () => {
  const [{ content: prompt }] = messages as [(typeof messages)[0]];
  const text = (all: Json[]) => all.map(({ response }) => response).join("");
  const chat = await ask(server, "/v1/chat/completions", { temperature: 0, max_tokens: 12, messages });
  assert.equal(text(await lines("/api/generate", { prompt })), chat.choices[0].message.content);
  const completion = await ask(server, "/v1/completions", { temperature: 0, max_tokens: 12, prompt });
  assert.equal(text(await lines("/api/generate", { prompt, raw: true })), completion.choices[0].text);
});

test("calls come whole, with their arguments as an object, and text is held to a schema", async () => {
  const parameters = {
    type: "object",
    properties: { city: { enum: ["Paris", "Rome"] } },
    required: ["city"],
    additionalProperties: false,
  };
  const tools = [{ type: "function", function: { name: "weather", parameters } }];
  const asked = { model: "fairy", messages, stream: false, options: { seed: 1, num_predict: 300 } };
  const { message } = await ask(server, "/api/chat", { ...asked, tools });
  if (message.tool_calls) assert.match(message.tool_calls[0].function.arguments.city, /^(Paris|Rome)$/);
  const told = [
    ...messages,
    { role: "assistant", content: "", tool_calls: [{ function: { name: "weather", arguments: { city: "Rome" } } }] },
    { role: "tool", content: "rain", tool_name: "weather" },
  ];
  const answer = await ask(server, "/api/chat", { ...asked, messages: told, tools, options });
  assert.equal(answer.message.role, "assistant");
  const held = await ask(server, "/api/chat", { ...asked, format: parameters });
  assert.match(JSON.parse(held.message.content).city, /^(Paris|Rome)$/);
});

test("models are listed, an empty request says that the model is there, errors are texts", async () => {
  const { models } = await (await server.fetch(get("/api/tags"))).json();
  assert.equal(models[0].name, model.info.name);
  assert.ok(models[0].size > 0);
  const { done_reason: reason } = await ask(server, "/api/generate", { model: "fairy" });
  assert.equal(reason, "load");
  const response = await server.fetch(post("/api/chat", { messages, options: { top_p: 7 } }));
  const { error } = await response.json();
  assert.deepEqual([response.status, typeof error], [400, "string"]);
  assert.match(error, /top_p/);
});
