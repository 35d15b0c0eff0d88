/** The AI SDK's interface over a model in the same process; test/clients/ runs it under `ai` itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LanguageModelV3CallOptions, LanguageModelV3StreamPart } from "@ai-sdk/provider";
import { loadModel } from "wkv";
import { createWkv, wkv, wkvEmbedding } from "wkv/ai-sdk";
import { chat } from "wkv/chat";
import { chainModel } from "../../support/chain-model.ts";
import { collect } from "../../support/collect.ts";
import { loadFairy } from "../../support/models.ts";

const model = await loadFairy();

const ask = (text: string): LanguageModelV3CallOptions["prompt"] => [
  { role: "user", content: [{ type: "text", text }] },
];
const call = { prompt: ask("Tell me of a fox."), maxOutputTokens: 16, temperature: 0 };

async function parts(options: LanguageModelV3CallOptions, of = wkv(model)): Promise<LanguageModelV3StreamPart[]> {
  const { stream } = await of.doStream(options);
  return collect(stream as unknown as AsyncIterable<LanguageModelV3StreamPart>);
}

test("an answer is the library's, and what the parts of its stream add up to", async () => {
  const { message } = await chat(model, [{ role: "user", content: "Tell me of a fox." }], {
    maxTokens: 16,
    temperature: 0,
  }).result();
  const { content, finishReason, usage } = await wkv(model).doGenerate(call);
  assert.deepEqual(content, [{ type: "text", text: message.content }]);
  assert.equal(finishReason.unified, "length");
  assert.equal(usage.outputTokens.total, 16);
  const stream = await parts(call);
  const types = stream.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
  assert.deepEqual(types, ["stream-start", "response-metadata", "text-start", "text-delta", "text-end", "finish"]);
  const text = stream.map((part) => (part.type === "text-delta" ? part.delta : "")).join("");
  assert.equal(text, message.content);
});

test("a thought is a block of its own before the text, and every block is closed", async () => {
  const { model: weights, vocab } = await chainModel({ k: [">\n", "Hm", "mm", "</think", "> ", "So", " be", " it."] });
  await using thinker = await loadModel(weights, { vocab, threads: 1 });
  const stream = await parts({ prompt: ask("Well?"), temperature: 0 }, wkv(thinker, { template: "g1", think: "on" }));
  const blocks = stream.flatMap(({ type }) => (/-(start|end)$/.test(type) && !type.startsWith("stream") ? type : []));
  assert.deepEqual(blocks, ["reasoning-start", "reasoning-end", "text-start", "text-end"]);
  const joined = (type: string) =>
    stream.map((part) => (part.type === type ? (part as { delta: string }).delta : "")).join("");
  assert.deepEqual([joined("reasoning-delta"), joined("text-delta")], ["Hmmm", "So be it."]);
});

test("JSON keeps to its schema, and a call of a tool to its own", async () => {
  const schema = {
    type: "object",
    properties: { age: { type: "integer", maximum: 9, minimum: 0 } },
    required: ["age"],
  } as const;
  const json = await wkv(model).doGenerate({ ...call, maxOutputTokens: 100, responseFormat: { type: "json", schema } });
  const [text] = json.content;
  assert.ok(text?.type === "text" && JSON.parse(text.text).age <= 9);
  const tools = [{ type: "function" as const, name: "look", inputSchema: schema }];
  const toolChoice = { type: "tool" as const, toolName: "look" };
  const called = await wkv(model).doGenerate({ ...call, maxOutputTokens: 100, tools, toolChoice });
  const last = called.content.at(-1);
  assert.ok(last?.type === "tool-call" && last.toolName === "look" && JSON.parse(last.input).age <= 9);
  assert.equal(called.finishReason.unified, "tool-calls");
});

test("what cannot be honoured is a warning, and wkv's options have their place", async () => {
  const image = { type: "file" as const, mediaType: "image/png", data: new Uint8Array(1) };
  const { warnings } = await wkv(model).doGenerate({
    ...call,
    prompt: [{ role: "user", content: [image, { type: "text", text: "What is it?" }] }],
    tools: [{ type: "provider", id: "a.search", name: "search", args: {} }],
  });
  assert.deepEqual(
    warnings.map(({ type }) => type),
    ["unsupported", "unsupported"],
  );
  const { content } = await wkv(model).doGenerate({
    ...call,
    providerOptions: { wkv: { constraint: { choices: ["yes", "no"] } } },
  });
  assert.match((content[0] as { text: string }).text, /^(yes|no)$/);
});

test("leaving the stream ends the answer, and an abort is an error of it", async () => {
  const { stream } = await wkv(model).doStream({ ...call, maxOutputTokens: 5000 });
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  const aborted = await parts({ ...call, abortSignal: AbortSignal.abort() });
  assert.equal(aborted.at(-1)?.type, "error");
});

test("an embedding has length 1, and the same text the same one", async () => {
  const values = ["a fox", "", "a fox"];
  const { embeddings, usage, warnings } = await wkvEmbedding(model).doEmbed({ values });
  for (const vector of embeddings) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5);
  assert.deepEqual(embeddings[0], embeddings[2]);
  assert.notDeepEqual(embeddings[0], embeddings[1]);
  assert.deepEqual(warnings, []);
  assert.equal(usage?.tokens, 2 * model.tokenizer.encode("a fox").length);
});

test("a provider has models by their names", async () => {
  const provider = createWkv({ fairy: model });
  const { content } = await provider.languageModel("fairy").doGenerate(call);
  assert.deepEqual(content, (await wkv(model).doGenerate(call)).content);
  assert.equal(provider.embeddingModel("fairy").modelId, model.info.name);
  assert.throws(() => provider.languageModel("wolf"), /no model "wolf": the models are fairy/);
  assert.throws(() => provider.imageModel("fairy"), { code: "not-found" });
});
