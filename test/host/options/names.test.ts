// Every public call refuses options that it does not have, and names the nearest one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { convertModel, deleteCachedModel, loadModel, type Model } from "wkv";
import { type ChatMessage, chat, createChat, fillPrompt, loadChat, speakerTemplate } from "wkv/chat";
import { createConstraint } from "wkv/constraint";
import { benchmark, perplexity } from "wkv/measure";
import { createSampler } from "wkv/sampler";
import { createServer } from "wkv/server";
import { loadTokenizer } from "wkv/tokenizer";
import { syntheticModel } from "../../../host/cli/synthetic.ts";

const BYTES = syntheticModel({ layers: 1, width: 64, headSize: 32, vocabSize: 256 });
const MESSAGES: ChatMessage[] = [{ role: "user", content: "a" }];
let model: Model;
before(async () => {
  model = await loadModel(BYTES, { threads: 1 });
});
after(() => model.dispose());

/** A call with wrong options: as a user of JavaScript would write it. */
type Call = (options: never) => unknown;
const calls: Record<string, readonly [wrong: string, nearest: string, call: Call]> = {
  loadModel: ["thread", "threads", (o) => loadModel(BYTES, o)],
  "loadModel, prefixCache": ["maxByte", "maxBytes", (o) => loadModel(BYTES, { prefixCache: o })],
  "loadModel, hub": ["endPoint", "endpoint", (o) => loadModel(BYTES, { hub: o })],
  "loadModel, lora": ["scales", "scale", (o) => loadModel(BYTES, { lora: [o] })],
  convertModel: ["weight", "weights", (o) => convertModel(BYTES, "nowhere", o)],
  createSession: ["initialstate", "initialState", (o) => model.createSession(o)],
  feed: ["abort_signal", "signal", (o) => model.createSession().feed([1], o)],
  feedEach: ["sginal", "signal", (o) => model.createSession().feedEach([1], o).next()],
  generate: ["max_tokens", "maxTokens", (o) => model.createSession().generate("a", o)],
  "generate, guidance": ["prmpt", "prompt", (o) => model.createSession().generate("a", { guidance: o })],
  "generate, constraint": [
    "json_schema",
    "schema",
    (o) => model.createSession().generate("a", { constraint: o }).next(),
  ],
  inspect: ["logitLens", "lens", (o) => model.createSession().inspect([1], o).next()],
  chat: ["sistem", "system", (o) => chat(model, MESSAGES, o)],
  createChat: ["top_p", "topP", (o) => createChat(model, o)],
  loadChat: ["tempalte", "template", (o) => loadChat(model, new Uint8Array(), o)],
  "an answer": ["tool_choice", "toolChoice", async (o) => (await createChat(model)).send("a", o)],
  createSampler: ["presence_penalty", "presencePenalty", (o) => createSampler(o)],
  createConstraint: ["regexp", "regex", (o) => createConstraint(model.tokenizer, o)],
  perplexity: ["contxt", "context", (o) => perplexity(model, "abc", o)],
  benchmark: ["round", "rounds", (o) => benchmark(model, o)],
  createServer: ["apiKey", "apiKeys", (o) => createServer(model, o)],
  loadTokenizer: ["model_vocab_size", "modelVocabSize", (o) => loadTokenizer("bytes", o)],
};

for (const [name, [wrong, nearest, call]] of Object.entries(calls))
  test(`${name}: ${wrong}`, async () => {
    const message = new RegExp(`"${wrong}" is no option of .*: did you mean "${nearest}"\\?`);
    await assert.rejects(async () => call({ [wrong]: 1 } as never), { name: "TypeError", message });
    await assert.rejects(async () => call(null as never), TypeError);
  });

const unfinished = Promise.resolve() as never;
const values: Record<string, readonly [message: RegExp, call: () => unknown]> = {
  "a signal that is none": [/"signal" expected an AbortSignal/, () => loadModel(BYTES, { signal: {} as never })],
  "a signal that is a controller": [
    /"signal" expected an AbortSignal/,
    () => model.createSession().feed([1], { signal: new AbortController() as never }),
  ],
  "a callback that is none": [/"onProgress" expected a function/, () => loadModel(BYTES, { onProgress: 3 as never })],
  "a model that is still loading, chat": [/"model" expected a model, got a promise/, () => chat(unfinished, MESSAGES)],
  "a model that is still loading, createChat": [/got a promise/, () => createChat(unfinished)],
  "a model that is still loading, perplexity": [/got a promise/, () => perplexity(unfinished, "ab")],
  "a model that is still loading, benchmark": [/got a promise/, () => benchmark(unfinished)],
  "a model that is still loading, createServer": [
    /"models" expected a model, got a pro/,
    () => createServer(unfinished),
  ],
  "no model, createServer": [/"models" expected a model, got null/, () => createServer(null as never)],
  "something else by name, createServer": [/"m" expected a model, got number/, () => createServer({ m: 1 } as never)],
  "parts that are none": [/"parts" expected an array/, () => model.feedAll({} as never)],
  "a part without a session": [/"parts" expected a session/, () => model.feedAll([{ tokens: [1] }] as never)],
  "no address": [/"address" expected a text/, () => deleteCachedModel(undefined as never)],
  "a format without a user": [/"user" expected a text/, () => speakerTemplate({ name: "x" } as never)],
  "texts that are none": [/"before" expected a text/, () => fillPrompt(1 as never, "")],
};
for (const [name, [message, call]] of Object.entries(values))
  test(name, async () => assert.rejects(async () => call(), { name: "TypeError", message }));

test("options that are undefined are as if they were not there", async () => {
  const options = { max_tokens: undefined, maxTokens: 1 };
  for await (const { stop } of model.createSession().generate("a", options)) assert.equal(stop, "length");
});
