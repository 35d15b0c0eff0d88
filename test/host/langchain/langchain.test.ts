/** LangChain's interface over a model in the same process. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { chat } from "wkv/chat";
import { ChatWkv } from "wkv/langchain";
import { loadFairy } from "../../support/models.ts";

const ASK = "Tell me of a fox.";

const model = await loadFairy();
const langchain = new ChatWkv({ model, maxTokens: 16, temperature: 0 });

test("an answer and its stream are the library's", async () => {
  const { message } = await chat(model, [{ role: "user", content: ASK }], { maxTokens: 16, temperature: 0 }).result();
  const answer = await langchain.invoke(ASK);
  assert.equal(answer.content, message.content);
  assert.equal(answer.usage_metadata?.output_tokens, 16);
  let text = "";
  for await (const chunk of await langchain.stream(ASK)) text += chunk.content;
  assert.equal(text, message.content);
});

test("messages of every kind are read", async () => {
  const call = { id: "1", name: "weather", args: { city: "Paris" } };
  const talk = [
    new SystemMessage("Be short."),
    new HumanMessage({ content: [{ type: "text", text: "Paris?" }] }),
    new AIMessage({ content: "", tool_calls: [call] }),
    new ToolMessage({ content: "rain", tool_call_id: "1" }),
  ];
  assert.notEqual((await langchain.invoke(talk)).content, "");
  const image = new HumanMessage({ content: [{ type: "image_url", image_url: "data:," }] });
  await assert.rejects(langchain.invoke([image]), /"messages" expected parts of text/);
});

test("tools are called with arguments of their schema, and structured output is of its own", async () => {
  const schema = {
    type: "object",
    properties: { age: { type: "integer", minimum: 0, maximum: 99 }, kind: { enum: ["fox", "wolf"] } },
    required: ["age", "kind"],
    additionalProperties: false,
  };
  const person = await new ChatWkv({ model, maxTokens: 200, seed: 1 }).withStructuredOutput(schema).invoke(ASK);
  assert.ok(Number.isInteger(person.age) && person.age <= 99 && ["fox", "wolf"].includes(person.kind));
  const tool = { type: "function", function: { name: "look", parameters: schema } };
  const bound = new ChatWkv({ model, maxTokens: 200, seed: 1 }).bindTools([tool], { tool_choice: "any" });
  const { tool_calls: calls = [] } = await bound.invoke(ASK);
  assert.equal(calls[0]?.name, "look");
  assert.ok(calls[0]?.args.age <= 99);
});

test("a signal ends it, and an option of the library goes with a call", async () => {
  await assert.rejects(langchain.invoke(ASK, { signal: AbortSignal.abort() }), /abort/i);
  const picked = await langchain.invoke(ASK, { constraint: { choices: ["yes", "no"] } });
  assert.match(String(picked.content), /^(yes|no)$/);
});
