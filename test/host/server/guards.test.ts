/** What a server refuses, and how: keys, names, bodies, fields, queues, deadlines. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { loadModel, type Model } from "wkv";
import { createServer } from "wkv/server";
import { ask, eventsIn, get, type Json, post, reply } from "../../support/ask-server.ts";
import { safetensors } from "../../support/make-checkpoints.ts";
import { loadFairy, symbol, symbols } from "../../support/models.ts";
import { checkShape } from "../../support/openai-shapes.ts";
import { randomSamples } from "../../support/random-model.ts";
import { float32, values } from "../../support/tensor-values.ts";

const CHAT = "/v1/chat/completions";
const messages = [{ role: "user", content: "Tell me of a fox." }];
const endless = { messages, ignore_eos: true, max_tokens: 2000, stream: true };

const model = await loadFairy();
const server = createServer(model);

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe("a field that is wrong is named", () => {
  const cases: [wrong: Json, param: string | null][] = [
    [{ messages: "hi" }, "messages"],
    [{ messages: [] }, "messages"],
    [{ messages: [{ role: "nobody", content: "hi" }] }, "messages[0].role"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [{ type: "image_url", image_url: {} }] }] }, "messages[0].content[0].type"],
    [{ messages: [{ role: "system", content: "Be kind." }] }, "messages"],
    [{ messages, temperature: "hot" }, "temperature"],
    [{ messages, temperature: -1 }, "temperature"],
    [{ messages, top_p: 2 }, "top_p"],
    [{ messages, seed: 0.5 }, "seed"],
    [{ messages, n: 0 }, "n"],
    [{ messages, n: 1000 }, "n"],
    [{ messages, max_tokens: 0 }, "max_tokens"],
    [{ messages, stop: [3] }, "stop[0]"],
    [{ messages, logit_bias: { "99999999": 1 } }, "logit_bias"],
    [{ messages, top_logprobs: 3 }, "top_logprobs"],
    [{ messages, logprobs: true, top_logprobs: 21 }, "top_logprobs"],
    [{ messages, response_format: { type: "xml" } }, "response_format.type"],
    [
      { messages, response_format: { type: "json_schema", json_schema: { schema: { type: "nothing" } } } },
      "response_format.json_schema.schema",
    ],
    [{ messages, guided_regex: "(" }, "guided_regex"],
    [{ messages, guided_regex: "a", json_schema: {} }, "guided_regex"],
    [{ messages, tool_choice: "required" }, "tool_choice"],
    [{ messages, modalities: ["audio"] }, "modalities[0]"],
    [{ messages, state: "../etc/passwd" }, "state"],
    [{ messages, preset: "wild" }, "preset"],
    [[], "messages"],
    [null, null],
  ];
  for (const [wrong, param] of cases)
    test(JSON.stringify(wrong).slice(0, 80), async () => {
      const { status, body } = await reply(server, post(CHAT, JSON.stringify(wrong)));
      assert.equal(status, 400);
      assert.equal(body.error.type, "invalid_request_error");
      assert.equal(body.error.param, param, body.error.message);
    });
});

test("what is no JSON, too large, of another type or nowhere has its status", async () => {
  const small = createServer(model, { maxBodyBytes: 1000 });
  const statuses = async (request: Request) => (await reply(small, request)).status;
  assert.equal(await statuses(post(CHAT, "{")), 400);
  assert.equal(await statuses(post(CHAT, { messages }, { "content-type": "text/plain" })), 415);
  assert.equal(await statuses(post(CHAT, { messages: [{ role: "user", content: "x".repeat(2000) }] })), 413);
  assert.equal(await statuses(get("/v1/nothing")), 404);
  assert.equal(await statuses(get("/v1/models/other")), 404);
  const wrongMethod = await reply(small, get(CHAT));
  assert.equal(wrongMethod.status, 405);
  assert.equal(wrongMethod.headers.get("allow"), "POST");
});

test("without a key there is nothing but /health", async () => {
  const locked = createServer(model, { apiKeys: ["first", "second"] });
  for (const headers of [{}, bearer(""), bearer("wrong"), bearer("firs"), bearer("first2"), { "x-api-key": "x" }])
    assert.equal((await reply(locked, get("/v1/models", headers as Record<string, string>))).status, 401);
  for (const headers of [bearer("first"), bearer("second"), { "x-api-key": "second" }])
    assert.equal((await reply(locked, get("/v1/models", headers))).status, 200);
  assert.equal((await reply(locked, get("/health"))).status, 200);
});

test("pages of other sites get no answer that they could read, and no answer by another name", async () => {
  const from = { origin: "https://evil.example" };
  const plain = await server.fetch(get("/v1/models", from));
  assert.equal(plain.headers.get("access-control-allow-origin"), null);
  const open = createServer(model, { cors: ["https://good.example"], hosts: ["localhost"], apiKeys: ["key"] });
  const allowed = await open.fetch(get(CHAT, { origin: "https://good.example", host: "localhost:80" }, "OPTIONS"));
  assert.equal(allowed.headers.get("access-control-allow-origin"), "https://good.example");
  const refused = await open.fetch(get(CHAT, { ...from, host: "localhost:80" }, "OPTIONS"));
  assert.equal(refused.headers.get("access-control-allow-origin"), null);
  const { status } = await reply(open, get("/v1/models", { ...bearer("key"), host: "rebound.example" }));
  assert.equal(status, 403);
});

test("one model answers to any name, several only to theirs", async () => {
  const named = await ask(server, CHAT, { messages, model: "gpt-4o-mini", max_tokens: 2 });
  assert.equal(named.model, "fairy.safetensors");
  const two = createServer({ a: model, b: Promise.resolve(model) });
  await pause(0);
  const list = await reply(two, get("/v1/models"));
  assert.deepEqual(
    list.body.data.map(({ id, object, owned_by }: Json) => [id, object, owned_by]),
    [
      ["a", "model", "wkv"],
      ["b", "model", "wkv"],
    ],
  );
  const unknown = await reply(two, post(CHAT, { messages, model: "c" }));
  assert.deepEqual([unknown.status, unknown.body.error.code], [404, "model_not_found"]);
});

test("a model that is being loaded makes the server unavailable, not wrong", async () => {
  const loading = createServer({ later: new Promise<Model>(() => {}) });
  for (const request of [get("/health"), post(CHAT, { messages })]) {
    const { status, body } = await reply(loading, request);
    assert.deepEqual([status, body.error.type], [503, "unavailable_error"]);
  }
});

describe("many requests", () => {
  test("wait for their turn, and are refused with a time when too many wait", async () => {
    const narrow = createServer(model, { parallel: 1, waiting: 2 });
    const request = { messages, max_tokens: 8, seed: 1, ignore_eos: true };
    const replies = await Promise.all(Array.from({ length: 6 }, () => reply(narrow, post(CHAT, request))));
    assert.equal(replies.filter(({ status }) => status === 200).length, 3);
    const refused = replies.filter(({ status }) => status === 429);
    assert.equal(refused.length, 3);
    for (const { headers, body } of refused) {
      assert.ok(Number(headers.get("retry-after")) >= 1);
      assert.equal(body.error.type, "rate_limit_error");
    }
  });

  test("of one client do not keep another one waiting", async () => {
    const narrow = createServer(model, { parallel: 1, waiting: 20, apiKeys: ["a", "b"] });
    const order: string[] = [];
    const send = async (key: string) => {
      await reply(narrow, post(CHAT, { messages, max_tokens: 4, ignore_eos: true }, bearer(key)));
      order.push(key);
    };
    const greedy = Array.from({ length: 6 }, () => send("a"));
    await pause(0);
    await Promise.all([...greedy, send("b")]);
    assert.ok(order.indexOf("b") <= 3, order.join(""));
  });

  test("end when their client goes away, and give back their turn", async () => {
    const narrow = createServer(model, { parallel: 1, waiting: 1, metrics: true });
    const response = await narrow.fetch(post(CHAT, endless));
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    const controller = new AbortController();
    const whole = narrow.fetch(post(CHAT, { ...endless, stream: false }, {}, controller.signal));
    await pause(20);
    controller.abort();
    assert.equal((await whole).status, 499);
    await ask(narrow, CHAT, { messages, max_tokens: 2 });
    const { body } = await reply(narrow, get("/metrics"));
    assert.match(body, /^wkv_running 0$/m);
    assert.match(body, /^wkv_cancelled_total 2$/m);
    assert.match(body, /^wkv_requests_total\{method="POST",route="\/v1\/chat\/completions",status="200"\} 2$/m);
  });

  test("end at their deadline: with an error, or an event after the first byte", async () => {
    const hasty = createServer(model, { deadline: 1 });
    const slow = { ...endless, max_tokens: 2000, n: 16 };
    const [whole, response] = await Promise.all([
      reply(hasty, post(CHAT, { ...slow, n: 8, stream: false })),
      hasty.fetch(post(CHAT, { ...slow, n: 8 })),
    ]);
    assert.equal(whole.status, 504);
    const events = eventsIn(await response.text());
    const last = JSON.parse(events.at(-1)!);
    checkShape("error", last);
    assert.equal(last.error.type, "timeout_error");
  });

  test("are given up when their reader takes nothing", async () => {
    const strict = createServer(model, { slowReader: 1, parallel: 1, metrics: true });
    const response = await strict.fetch(post(CHAT, { ...endless, logprobs: true, top_logprobs: 20 }));
    await pause(50);
    const before = (await reply(strict, get("/metrics"))).body;
    assert.match(before, /^wkv_running 1$/m);
    for (let i = 0; i < 80 && !/^wkv_running 0$/m.test((await reply(strict, get("/metrics"))).body); i++)
      await pause(100);
    assert.match((await reply(strict, get("/metrics"))).body, /^wkv_running 0$/m);
    await assert.rejects(response.text());
  });

  test("may end after close(), and new ones are refused", async () => {
    const closing = createServer(model);
    const running = ask(closing, CHAT, { messages, max_tokens: 12, ignore_eos: true });
    await pause(5);
    const closed = closing.close();
    assert.equal((await reply(closing, post(CHAT, { messages }))).status, 503);
    assert.equal((await running).usage.completion_tokens, 12);
    await closed;
    const ended = createServer(model);
    const stopped = reply(ended, post(CHAT, { ...endless, stream: false }));
    await pause(20);
    await ended.close(0);
    assert.equal((await stopped).status, 503);
  });
});

test("an error of the server's own says nothing of the machine, but its log has it", async () => {
  const log: unknown[] = [];
  const storage = new Proxy({}, { get: () => async () => Promise.reject(new Error("/secret/path is full")) });
  const broken = createServer(model, { storage: storage as never, onError: (error) => log.push(error) });
  const { status, body } = await reply(broken, get("/v1/states"));
  assert.equal(status, 500);
  assert.doesNotMatch(JSON.stringify(body), /secret/);
  assert.match(String(log[0]), /secret/);
});

test("of logits that are no numbers the client is told", async (t) => {
  const samples = randomSamples({ width: 64, layers: 1, headSize: 64, vocabSize: 97 });
  const overflowing = samples.map((sample) =>
    sample.name === "head.weight"
      ? float32(
          sample.name,
          sample.shape,
          values(sample).map((v) => 3e38 * Math.sign(v)),
        )
      : sample,
  );
  const damaged = await loadModel(safetensors(overflowing), { weights: "f32", threads: 1, vocab: symbols(97) });
  t.after(() => damaged.dispose());
  const failing = createServer(damaged, { onError: () => {} });
  const request = { prompt: symbol(5), max_tokens: 4 };
  const whole = await reply(failing, post("/v1/completions", request));
  const streamed = await failing.fetch(post("/v1/completions", { ...request, stream: true }));
  const last = JSON.parse(eventsIn(await streamed.text()).at(-1)!);
  assert.equal(whole.status, 500);
  for (const { error } of [whole.body, last]) {
    assert.deepEqual([error.type, error.code], ["server_error", "bad-file"]);
    assert.match(error.message, /^The logit of token \d+ is -?(NaN|Infinity): the model file is damaged/);
  }
});

test("options that are wrong are named", () => {
  assert.throws(() => createServer({}), /"models" expected/);
  for (const name of ["parallel", "waiting", "maxTokens", "deadline", "slowReader", "maxStates"])
    assert.throws(() => createServer(model, { [name]: 0 }), new RegExp(`"${name}" expected`));
});
