/** Answers that a program generates itself are those that a chat makes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadModel, type Model } from "wkv";
import { chat, encodePrompt, guideAnswer, type Tool, templates } from "wkv/chat";

const FAIRY = fileURLToPath(new URL("../../models/fairy/fairy.safetensors", import.meta.url));
const WEATHER: Tool = {
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string", maxLength: 12 } }, required: ["city"] },
  },
};
const ASK = [{ role: "user", content: "Paris?" }] as const;

let fairy: Model;
before(async () => {
  fairy = await loadModel(FAIRY, { threads: 1 });
});
after(() => fairy.dispose());

for (const options of [{}, { tools: [WEATHER], toolChoice: "required" as const }])
  test(`with ${options.tools ? "tools" : "free text"}`, async () => {
    const { preset } = templates.world;
    const sampling = { preset, temperature: 0.9, topP: 0.9, seed: 3, maxTokens: 100 };
    const expected = await chat(fairy, ASK, { ...options, ...sampling, template: "world" }).result();
    const { prompt, stop, constraint, message } = await guideAnswer(fairy.tokenizer, templates.world, ASK, options);
    const session = fairy.createSession();
    let text = "";
    for await (const piece of session.generate(encodePrompt(fairy.tokenizer, prompt), {
      ...sampling,
      stop,
      constraint,
    }))
      text += piece.text;
    session.dispose();
    if (!options.tools) return assert.deepEqual(message(text), expected.message);
    const calls = message(text).tool_calls ?? [];
    assert.ok(calls.length > 0, text);
    for (const { function: called } of calls) {
      assert.equal(called.name, "weather");
      assert.equal(typeof JSON.parse(called.arguments).city, "string");
    }
  });

test("thoughts and calls are apart, also where the text ends early", async () => {
  const messages = [...ASK];
  const { message } = await guideAnswer(fairy.tokenizer, templates.g1, messages, { think: "on", tools: [WEATHER] });
  assert.deepEqual(message("> A city.</think>\nRain."), {
    role: "assistant",
    content: "Rain.",
    reasoning: "A city.",
  });
  assert.deepEqual(message("> A ci"), { role: "assistant", content: "", reasoning: "A ci" });
  const called = message('></think>\n```json\n{"name": "weather", "arguments": {"city": "Paris"}}');
  assert.deepEqual(called.tool_calls?.[0]?.function, { name: "weather", arguments: '{"city":"Paris"}' });
});

test("says what is wrong", async () => {
  const bad = guideAnswer(fairy.tokenizer, templates.world, [{ role: "system", content: "Be brief." }]);
  await assert.rejects(bad, RangeError);
  const none = guideAnswer(fairy.tokenizer, templates.world, ASK, { toolChoice: "required" });
  await assert.rejects(none, /tools to choose from/);
});
