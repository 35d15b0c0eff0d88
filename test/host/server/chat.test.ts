/** Chat completions: what the library makes, on OpenAI's wire. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadModel } from "wkv";
import { type ChatMessage, type ChatOptions, chat } from "wkv/chat";
import { createServer, type Server } from "wkv/server";
import { ask, type Json, stream } from "../../support/ask-server.ts";
import { chainModel } from "../../support/chain-model.ts";
import { loadFairy } from "../../support/models.ts";

const CHAT = "/v1/chat/completions";
const messages: ChatMessage[] = [{ role: "user", content: "Tell me of a fox." }];

const model = await loadFairy({ prefixCache: { maxBytes: 64e6 } });
const server = createServer(model);

/** Without what is new in every answer. */
const lasting = ({ id: _, created: __, timings: ___, ...rest }: Json) => rest;

async function scripted(scripts: Parameters<typeof chainModel>[0], use: (server: Server) => Promise<void>) {
  const chain = await chainModel(scripts);
  await using model = await loadModel(chain.model, { vocab: chain.vocab, threads: 1 });
  await use(createServer({ chain: model }, { template: "g1" }));
}

describe("an answer", () => {
  const options = { max_tokens: 24, seed: 5, temperature: 1.2, top_p: 0.9, min_p: 0.02, penalty_decay: 0.99 };

  test("is the library's for the same seed", async () => {
    const library: ChatOptions = {
      maxTokens: 24,
      seed: 5,
      temperature: 1.2,
      topP: 0.9,
      minP: 0.02,
      penaltyDecay: 0.99,
    };
    const { message, usage } = await chat(model, messages, library).result();
    const answer = await ask(server, CHAT, { messages, ...options });
    assert.equal(answer.choices[0].message.content, message.content);
    assert.equal(answer.usage.completion_tokens, usage!.completionTokens);
  });

  test("is what the chunks of its stream add up to", async () => {
    const whole = await ask(server, CHAT, { messages, ...options, n: 3, logprobs: true });
    const chunks = await stream(server, CHAT, { messages, ...options, n: 3, logprobs: true });
    for (const choice of whole.choices) {
      const own = chunks.flatMap(({ choices }) => choices).filter(({ index }) => index === choice.index);
      assert.deepEqual(own[0].delta, { role: "assistant", content: "" });
      assert.equal(own.map(({ delta }) => delta.content ?? "").join(""), choice.message.content);
      assert.deepEqual(
        own.flatMap(({ logprobs }) => logprobs?.content ?? []),
        choice.logprobs.content,
      );
      assert.deepEqual(own.map(({ finish_reason }) => finish_reason).filter(Boolean), [choice.finish_reason]);
    }
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  });

  test("has n choices, the i-th with the seed + i", async () => {
    const three = await ask(server, CHAT, { messages, ...options, n: 3 });
    assert.deepEqual(
      three.choices.map(({ index }: Json) => index),
      [0, 1, 2],
    );
    for (const [i, choice] of three.choices.entries()) {
      const alone = await ask(server, CHAT, { messages, ...options, seed: 5 + i });
      assert.deepEqual(choice.message, alone.choices[0].message);
    }
  });

  test("has the tokens of its text as log-probabilities, most likely ones first", async () => {
    const { choices } = await ask(server, CHAT, { messages, ...options, logprobs: true, top_logprobs: 4 });
    const { content } = choices[0].logprobs;
    assert.equal(
      content
        .map(({ token }: Json) => token)
        .join("")
        .trim(),
      choices[0].message.content,
    );
    for (const { token, bytes, top_logprobs: top } of content) {
      assert.equal(Buffer.from(bytes).toString(), token);
      assert.equal(top.length, 4);
      const falling = top.map(({ logprob }: Json) => logprob);
      assert.deepEqual(
        falling,
        [...falling].sort((a, b) => b - a),
      );
    }
  });

  test("counts the tokens that a state had read as cached, and is the same with them", async () => {
    const long = [
      { role: "user", content: "Tell me of the fox and of the goose and of the wolf in the wood, please." },
    ];
    const request = { messages: long, ...options };
    const [first, second] = [await ask(server, CHAT, request), await ask(server, CHAT, request)];
    assert.equal(first.usage.prompt_tokens, second.usage.prompt_tokens);
    assert.equal(first.usage.prompt_tokens_details.cached_tokens, 0);
    assert.ok(second.usage.prompt_tokens_details.cached_tokens >= 16);
    assert.deepEqual(first.choices, second.choices);
  });

  test("ends before a stop text, and goes on where the last message is an answer", async () => {
    const { choices } = await ask(server, CHAT, { messages, ...options, temperature: 0, max_tokens: 60 });
    const text: string = choices[0].message.content;
    const stop = text.slice(10, 16);
    const cut = await ask(server, CHAT, { messages, ...options, temperature: 0, max_tokens: 60, stop });
    assert.equal(cut.choices[0].message.content, text.slice(0, text.indexOf(stop)).trimEnd());
    assert.equal(cut.choices[0].finish_reason, "stop");
    const begun = [...messages, { role: "assistant", content: "There was a fox who" }];
    const more = await ask(server, CHAT, { messages: begun, ...options });
    assert.notEqual(more.choices[0].message.content, "");
  });

  test("keeps to a JSON schema, an expression or choices, by OpenAI's, llama.cpp's and vLLM's names", async () => {
    const schema = {
      type: "object",
      properties: { age: { type: "integer" } },
      required: ["age"],
      additionalProperties: false,
    };
    const json = { type: "json_schema", json_schema: { name: "age", strict: true, schema } };
    for (const form of [{ response_format: json }, { json_schema: schema }, { structured_outputs: { json: schema } }]) {
      const { choices } = await ask(server, CHAT, { messages, ...options, ...form });
      assert.equal(typeof JSON.parse(choices[0].message.content).age, "number");
    }
    const object = await ask(server, CHAT, {
      messages,
      ...options,
      max_tokens: 100,
      response_format: { type: "json_object" },
    });
    assert.equal(typeof JSON.parse(object.choices[0].message.content), "object");
    const picked = await ask(server, CHAT, { messages, ...options, structured_outputs: { choice: ["yes", "no"] } });
    assert.match(picked.choices[0].message.content, /^(yes|no)$/);
    const digits = await ask(server, CHAT, { messages, ...options, guided_regex: "[0-9]{3}" });
    assert.match(digits.choices[0].message.content, /^\d{3}$/);
  });

  test("says length where it was cut, and keeps to the server's limit", async () => {
    const short = createServer(model, { maxTokens: 3 });
    for (const asked of [{}, { max_tokens: 99 }, { max_completion_tokens: 2 }, { max_tokens: null }]) {
      const { choices, usage } = await ask(short, CHAT, { messages, seed: 1, ignore_eos: true, ...asked });
      assert.equal(choices[0].finish_reason, "length");
      assert.equal(usage.completion_tokens, "max_completion_tokens" in asked ? 2 : 3);
    }
  });

  test("streams its usage when asked for it, and only then", async () => {
    const without = await stream(server, CHAT, { messages, ...options });
    assert.ok(without.every((chunk) => !("usage" in chunk) && chunk.choices.length === 1));
    const chunks = await stream(server, CHAT, { messages, ...options, stream_options: { include_usage: true } });
    const last = chunks.pop();
    assert.deepEqual(last.choices, []);
    assert.equal(last.usage.total_tokens, last.usage.prompt_tokens + last.usage.completion_tokens);
    assert.ok(chunks.every(({ usage }) => usage === null));
  });

  test("does not depend on what else is being answered", async () => {
    const request = (i: number) => ({ messages, ...options, seed: i, n: 1 + (i % 3) });
    const alone = [];
    for (let i = 0; i < 6; i++) alone.push(await ask(server, CHAT, request(i)));
    const together = await Promise.all(alone.map((_, i) => ask(server, CHAT, request(i))));
    const texts = (answers: Json[]) => answers.map((answer) => lasting(answer).choices);
    assert.deepEqual(texts(together), texts(alone));
  });
});

describe("a call of a tool", () => {
  const tools = [
    {
      type: "function",
      function: {
        name: "weather",
        parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
      },
    },
  ];
  const json = ['\n{"na', 'me": "wea', 'ther", "argu', 'ments": {"ci', 'ty": "Paris"', "}}", "\n```"];

  test("comes with its name first and arguments that are its JSON", () =>
    scripted({ n: json }, async (server) => {
      const request = {
        messages: [{ role: "user", content: "Paris?" }],
        tools,
        tool_choice: "required",
        temperature: 0,
      };
      const { choices } = await ask(server, CHAT, request);
      const [{ message, finish_reason: reason }] = choices;
      assert.equal(reason, "tool_calls");
      assert.equal(message.content, null);
      assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { city: "Paris" });
      const deltas = (await stream(server, CHAT, request)).flatMap(({ choices }) => choices[0].delta.tool_calls ?? []);
      assert.deepEqual(deltas[0], {
        index: 0,
        id: message.tool_calls[0].id,
        type: "function",
        function: { name: "weather", arguments: "" },
      });
      const more = deltas.slice(1);
      assert.ok(more.every(({ id }) => id === undefined));
      assert.equal(more.map((delta) => delta.function.arguments).join(""), message.tool_calls[0].function.arguments);
    }));

  test("and its result are messages of the next request", async () => {
    const call = { id: "call_0", type: "function", function: { name: "weather", arguments: '{"city":"Paris"}' } };
    const talk = [
      { role: "user", content: "Paris?" },
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "call_0", content: [{ type: "text", text: "rain" }] },
    ];
    const { choices } = await ask(server, CHAT, { messages: talk, tools, tool_choice: "none", max_tokens: 8, seed: 1 });
    assert.equal(choices[0].message.tool_calls, undefined);
  });
});

test("a refusal in parts and a tool without a result are taken", async () => {
  const call = { id: "call_0", type: "function", function: { name: "weather", arguments: "" } };
  const talk = [
    { role: "user", content: "Paris?" },
    { role: "assistant", content: [{ type: "refusal", refusal: "No." }] },
    { role: "user", content: "Please" },
    { role: "assistant", content: null, tool_calls: [call] },
    { role: "tool", tool_call_id: null, content: null },
  ];
  const { choices } = await ask(server, CHAT, { messages: talk, max_tokens: 2, seed: 1 });
  assert.equal(choices[0].finish_reason, "length");
});

test("thoughts come as reasoning_content, apart from the text and its log-probabilities", () =>
  scripted({ k: [">\n", "Hm", "mm", "</think", "> ", "So", " be", " it."] }, async (server) => {
    const request = {
      messages: [{ role: "user", content: "Well?" }],
      reasoning_effort: "medium",
      temperature: 0,
      logprobs: true,
    };
    const { choices, usage } = await ask(server, CHAT, request);
    assert.equal(choices[0].message.reasoning_content, "Hmmm");
    assert.equal(choices[0].message.content, "So be it.");
    assert.ok(usage.completion_tokens_details.reasoning_tokens >= 1);
    assert.deepEqual(
      choices[0].logprobs.content.map(({ token }: Json) => token),
      ["So", " be", " it."],
    );
  }));
