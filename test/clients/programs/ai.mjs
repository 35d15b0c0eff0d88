// The AI SDK: node ai.mjs BASE_URL PACKAGE COMPATIBLE_PACKAGE. Through HTTP, and in this process with wkv/ai-sdk.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { createWkv, wkv } from "../../../build/ai-sdk.js";
import { loadModel } from "../../../build/index.js";

const [, , baseURL, name, compatible] = process.argv;
const {
  AbstractChat,
  createProviderRegistry,
  DirectChatTransport,
  embedMany,
  generateText,
  Output,
  streamText,
  tool,
  ToolLoopAgent,
} = await import(name);
const { createOpenAICompatible } = await import(compatible);

const path = fileURLToPath(new URL("../../models/fairy/fairy.safetensors", import.meta.url));
const model = await loadModel(path, { threads: 1 });
const served = createOpenAICompatible({
  name: "wkv",
  baseURL,
  apiKey: "key",
  includeUsage: true,
  supportsStructuredOutputs: true,
});

const texts = [];
for (const each of [wkv(model), served("fairy")]) {
  const request = { model: each, prompt: "Tell me of a fox.", seed: 3, maxOutputTokens: 24, temperature: 0.5 };
  const whole = await generateText(request);
  texts.push(whole.text);
  const stream = streamText(request);
  let text = "";
  for await (const delta of stream.textStream) text += delta;
  assert.equal(text, whole.text);
  assert.equal((await stream.usage).outputTokens, whole.usage.outputTokens);
  assert.ok(["stop", "length"].includes(whole.finishReason));

  const schema = z.object({ name: z.string().max(10), age: z.number().int().min(0).max(99) });
  const output = Output.object({ schema });
  const person = await generateText({ ...request, maxOutputTokens: 300, output });
  assert.ok(person.output.age <= 99);

  const weather = tool({
    inputSchema: z.object({ city: z.enum(["Paris", "Rome"]) }),
    execute: async ({ city }) => `rain in ${city}`,
  });
  const called = await generateText({ ...request, tools: { weather }, toolChoice: "required", maxOutputTokens: 300 });
  assert.match(called.toolResults[0].output, /^rain in (Paris|Rome)$/);

  const controller = new AbortController();
  const cut = streamText({ ...request, maxOutputTokens: 2000, abortSignal: controller.signal });
  for await (const part of cut.fullStream) {
    if (part.type === "text-delta") controller.abort();
    if (part.type === "abort") break;
  }
}
const registry = createProviderRegistry({ here: createWkv({ fairy: model }) });
const values = ["a fox", "a wolf"];
const [here, there] = [
  await embedMany({ model: registry.embeddingModel("here:fairy"), values }),
  await embedMany({ model: served.embeddingModel("fairy"), values }),
];
assert.deepEqual(here.embeddings, there.embeddings);
const again = { model: registry.languageModel("here:fairy"), prompt: "Tell me of a fox.", seed: 3 };
texts.push((await generateText({ ...again, maxOutputTokens: 24, temperature: 0.5 })).text);

const agent = new ToolLoopAgent({ model: wkv(model), seed: 3, maxOutputTokens: 24, temperature: 0.5 });
const messages = [{ id: "1", role: "user", parts: [{ type: "text", text: "Tell me of a fox." }] }];
let said = "";
for await (const chunk of await new DirectChatTransport({ agent }).sendMessages({ messages }))
  if (chunk.type === "text-delta") said += chunk.delta;
texts.push(said);

/** What useChat keeps, without React. */
class ChatState {
  messages = [];
  status = "ready";
  error = undefined;
  snapshot = structuredClone;
  pushMessage(message) {
    this.messages = [...this.messages, message];
  }
  popMessage() {
    this.messages = this.messages.slice(0, -1);
  }
  replaceMessage(index, message) {
    this.messages = this.messages.with(index, message);
  }
}

class Chat extends AbstractChat {
  constructor(agent) {
    super({ state: new ChatState(), transport: new DirectChatTransport({ agent }) });
  }
}

/** The parts of the answer, as a page shows them. */
async function partsOf(settings) {
  const chat = new Chat(new ToolLoopAgent({ seed: 3, ...settings }));
  await chat.sendMessage({ text: "What is the weather in Paris?" });
  assert.equal(chat.error, undefined);
  return chat.messages.at(-1).parts;
}

const forecast = tool({
  inputSchema: z.object({ city: z.enum(["Paris", "Rome"]) }),
  execute: async ({ city }) => `rain in ${city}`,
});
const calling = await partsOf({
  model: wkv(model),
  tools: { forecast },
  toolChoice: "required",
  stopWhen: ({ steps }) => steps.length === 1,
});
const call = calling.find(({ type }) => type === "tool-forecast");
assert.equal(call.state, "output-available");
assert.match(call.output, /^rain in (Paris|Rome)$/);
const thinking = await partsOf({ model: wkv(model, { template: "g1", think: "on" }), maxOutputTokens: 24 });
assert.ok(thinking.find(({ type }) => type === "reasoning").text.length > 10);

await model.dispose();
assert.deepEqual(texts, Array(4).fill(texts[0]));
console.log("ok");
