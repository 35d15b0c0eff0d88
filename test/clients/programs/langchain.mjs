// LangChain's ChatOpenAI: node langchain.mjs BASE_URL
import assert from "node:assert/strict";
import { ChatOpenAI } from "@langchain/openai";

const [, , baseURL] = process.argv;
const model = new ChatOpenAI({
  model: "fairy",
  apiKey: "key",
  configuration: { baseURL },
  maxTokens: 24,
  temperature: 0,
});
const whole = await model.invoke("Tell me of a fox.");
assert.notEqual(whole.content, "");
let text = "";
for await (const chunk of await model.stream("Tell me of a fox.")) text += chunk.content;
assert.equal(text, whole.content);
console.log("ok");
