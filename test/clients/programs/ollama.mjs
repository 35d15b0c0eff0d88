// The client `ollama`: node ollama.mjs BASE_URL. Fails where an answer is not what a user expects.
import assert from "node:assert/strict";
import { Ollama } from "ollama";

const [, , baseURL] = process.argv;
const host = baseURL.replace("/v1", "");
const client = new Ollama({ host, headers: { authorization: "Bearer key" } });
const model = (await client.list()).models[0].name;
const request = {
  model,
  messages: [{ role: "user", content: "Tell me of a fox." }],
  options: { num_predict: 12, seed: 1 },
};

const whole = await client.chat(request);
assert.equal(whole.eval_count, 12);
let text = "";
for await (const part of await client.chat({ ...request, stream: true })) text += part.message.content;
assert.equal(text, whole.message.content);

const format = {
  type: "object",
  properties: { age: { enum: [1, 2] } },
  required: ["age"],
  additionalProperties: false,
};
const held = await client.chat({ ...request, format, options: { num_predict: 100 } });
assert.ok([1, 2].includes(JSON.parse(held.message.content).age));

const { response } = await client.generate({
  model,
  prompt: "Once upon a time",
  raw: true,
  options: { num_predict: 8 },
});
assert.notEqual(response, "");
const wrong = client.chat({ ...request, options: { top_p: 7 } });
await assert.rejects(wrong, (error) => error.status_code === 400 && error.message.includes("top_p"));

for await (const _ of await client.generate({ model, prompt: "Hi!", stream: true, options: { num_predict: 2000 } })) {
  client.abort();
  break;
}
console.log("ok");
