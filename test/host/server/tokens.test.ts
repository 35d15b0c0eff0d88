/** Completions, embeddings, tokens and templates. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createServer } from "wkv/server";
import { ask, type Json, post, reply, stream } from "../../support/ask-server.ts";
import { loadFairy } from "../../support/models.ts";

const TEXT = "/v1/completions";

const model = await loadFairy();
const server = createServer(model);

test("a completion is the library's for the same seed, and its stream adds up to it", async () => {
  using session = model.createSession();
  let expected = "";
  for await (const { text } of session.generate("Once upon a time", { maxTokens: 16, seed: 4 })) expected += text;
  const request = { prompt: "Once upon a time", seed: 4 }; // 16 tokens is OpenAI's default
  assert.equal((await ask(server, TEXT, request)).choices[0].text, expected);
  const chunks = await stream(server, TEXT, request);
  assert.equal(chunks.map(({ choices }) => choices[0]?.text ?? "").join(""), expected);
});

test("several prompts, as texts or tokens, have n texts each in their order", async () => {
  const prompts = ["Once upon a time", "The king"];
  const ids = prompts.map((prompt) => model.tokenizer.encode(prompt));
  const texts = async (prompt: unknown) =>
    (await ask(server, TEXT, { prompt, n: 2, seed: 1, max_tokens: 6, echo: true })).choices.map(
      ({ text }: Json) => text,
    );
  const made = await texts(prompts);
  assert.deepEqual(
    made.map((text: string) => prompts.findIndex((prompt) => text.startsWith(prompt))),
    [0, 0, 1, 1],
  );
  assert.deepEqual(await texts(ids), made);
});

test("a prompt is scored without making a token, as the library scores it", async () => {
  const text = "Once upon a time there was a fox.";
  const { choices, usage } = await ask(server, TEXT, { prompt: text, echo: true, logprobs: 1, max_tokens: 0 });
  const [{ logprobs, text: echoed, finish_reason: reason }] = choices;
  assert.deepEqual([echoed, reason, usage.completion_tokens, logprobs.token_logprobs[0]], [text, "length", 0, null]);
  assert.equal(logprobs.tokens.join(""), text);
  const { nats } = await meanNats(text);
  const sum = logprobs.token_logprobs.slice(1).reduce((a: number, b: number) => a - b, 0);
  assert.ok(Math.abs(sum / (logprobs.tokens.length - 1) - nats) < 1e-4);
  for (const [i, offset] of logprobs.text_offset.entries())
    assert.ok(text.startsWith(logprobs.tokens[i], offset), String(offset));
});

async function meanNats(text: string): Promise<{ nats: number }> {
  const ids = model.tokenizer.encode(text);
  using session = model.createSession();
  let [nats, i] = [0, 1];
  for await (const logits of session.feedEach(ids.slice(0, -1))) {
    const highest = Math.max(...logits);
    const sum = logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
    nats -= logits[ids[i++]!]! - highest - Math.log(sum);
  }
  return { nats: nats / (ids.length - 1) };
}

test("embeddings have length 1, one vector for a text wherever it is, and two encodings", async () => {
  const input = ["a fox in the wood", "a king", ""];
  const { data, usage } = await ask(server, "/v1/embeddings", { input });
  assert.deepEqual(
    data.map(({ index }: Json) => index),
    [0, 1, 2],
  );
  for (const { embedding } of data) {
    assert.equal(embedding.length, model.info.width);
    assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-5);
  }
  assert.ok(usage.total_tokens > 2);
  const alone = await ask(server, "/v1/embeddings", { input: "a king", encoding_format: "base64" });
  const bytes = new Uint8Array(Buffer.from(alone.data[0].embedding, "base64"));
  assert.deepEqual([...new Float32Array(bytes.buffer)], data[1].embedding);
  for (const wrong of [{ input: [] }, { input: [99_999_999] }, {}])
    assert.equal((await reply(server, post("/v1/embeddings", wrong))).status, 400);
});

test("texts become tokens and back, messages a prompt", async () => {
  const { tokens } = await ask(server, "/tokenize", { content: "a fox 狐" });
  assert.deepEqual(tokens, model.tokenizer.encode("a fox 狐"));
  assert.equal((await ask(server, "/detokenize", { tokens })).content, "a fox 狐");
  const pieces = (await ask(server, "/tokenize", { content: "狐", with_pieces: true })).tokens;
  const bytes = pieces.flatMap(({ piece }: Json) => (typeof piece === "string" ? [...Buffer.from(piece)] : piece));
  assert.equal(Buffer.from(bytes).toString(), "狐");
  const messages = [{ role: "user", content: "Hi!" }];
  const { prompt } = await ask(server, "/apply-template", { messages });
  assert.equal(prompt, "User: Hi!\n\nAssistant:");
  const { input_tokens: count } = await ask(server, "/v1/chat/completions/input_tokens", { messages });
  assert.equal(count, (await ask(server, "/tokenize", { messages })).count);
});
