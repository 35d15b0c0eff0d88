// The client `openai`: node openai.mjs BASE_URL PACKAGE. Fails where an answer is not what a user expects.
import assert from "node:assert/strict";
import { z } from "zod";

const [, , baseURL, name] = process.argv;
const { default: OpenAI } = await import(name);
const { zodResponseFormat } = await import(`${name}/helpers/zod`);
const client = new OpenAI({ baseURL, apiKey: "key" });
const messages = [{ role: "user", content: "Tell me of a fox." }];
const request = { model: "any", messages, seed: 3, max_tokens: 24 };

const [model] = (await client.models.list()).data;
assert.equal(model.object, "model");

const whole = await client.chat.completions.create({ ...request, logprobs: true, top_logprobs: 2 });
const stream = await client.chat.completions.create({
  ...request,
  stream: true,
  stream_options: { include_usage: true },
});
let [text, usage] = ["", undefined];
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta.content ?? "";
  usage ??= chunk.usage ?? undefined;
}
assert.equal(text, whole.choices[0].message.content);
assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
assert.equal(whole.choices[0].logprobs.content[0].top_logprobs.length, 2);

const format = zodResponseFormat(z.object({ name: z.string(), age: z.number().int() }), "person");
const parsed = await client.chat.completions.parse({ ...request, max_tokens: 200, response_format: format });
if (parsed.choices[0].finish_reason === "stop") assert.equal(typeof parsed.choices[0].message.parsed.age, "number");

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const tools = [{ type: "function", function: { name: "weather", parameters } }];
const runner = client.chat.completions.stream({ ...request, tools, tool_choice: "required", max_tokens: 300 });
const call = (await runner.finalChatCompletion()).choices[0].message.tool_calls?.[0];
if (call) assert.equal(typeof JSON.parse(call.function.arguments).city, "string");

const completion = await client.completions.create({
  model: "any",
  prompt: "Once upon a time",
  max_tokens: 8,
  echo: true,
});
assert.ok(completion.choices[0].text.startsWith("Once upon a time"));

const response = await client.responses.create({ model: "any", input: "Tell me of a fox.", max_output_tokens: 24 });
assert.notEqual(response.output_text, "");
const streamed = client.responses.stream({
  model: "any",
  input: "Why?",
  previous_response_id: response.id,
  max_output_tokens: 300,
  tools: [{ type: "function", name: "weather", parameters, strict: true }],
  tool_choice: "required",
});
let deltas = "";
for await (const event of streamed) if (event.type === "response.function_call_arguments.delta") deltas += event.delta;
const { output } = await streamed.finalResponse();
assert.equal(output.map((item) => item.arguments ?? "").join(""), deltas);
assert.ok(response.usage.total_tokens > 24);

const wrong = client.chat.completions.create({ ...request, top_p: 3 });
await assert.rejects(wrong, (error) => error.status === 400 && error.param === "top_p");
const refused = new OpenAI({ baseURL, apiKey: "wrong" }).models.list();
await assert.rejects(refused, (error) => error.status === 401);

const controller = new AbortController();
const cut = await client.chat.completions.create(
  { ...request, max_tokens: 2000, stream: true },
  { signal: controller.signal },
);
for await (const _ of cut) controller.abort();
console.log("ok");
