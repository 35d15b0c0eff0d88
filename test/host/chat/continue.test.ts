/** An answer that was cut goes on where it ended. The tokens of each format: chat-templates.test.ts. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { loadModel, type Model } from "wkv";
import { type ChatMessage, chat, createChat, encodePrompt, jinjaTemplate, templates } from "wkv/chat";
import { chainModel } from "../../support/chain-model.ts";
import { FAIRY } from "../../support/models.ts";

let fairy: Model;
before(async () => {
  fairy = await loadModel(FAIRY, { threads: 1 });
});
after(() => fairy.dispose());

const ASK: ChatMessage = { role: "user", content: "Tell me a tale." };

for (const template of ["raven", "world", "g1"] as const)
  test(`${template}: an answer in two parts is the answer in one, and nothing is read again`, async () => {
    const options = { template, temperature: 0, presencePenalty: 0, frequencyPenalty: 0 } as const;
    const whole = await chat(fairy, [ASK], { ...options, maxTokens: 24 }).result();
    const talk = await createChat(fairy, options);
    const first = await talk.send("Tell me a tale.", { maxTokens: 10 }).result();
    assert.equal(first.stop, "length");
    const second = await talk.answer({ maxTokens: 14 }).result();
    assert.equal(second.usage!.promptTokens, 0);
    assert.equal(talk.messages.length, 2);
    assert.deepEqual(talk.messages[1], whole.message);
    assert.equal(`${first.message.content}${second.message.content}`, whole.message.content);
    // By the messages alone, as a server that keeps nothing would have them.
    const alone = chat(fairy, [ASK, first.message], { ...options, maxTokens: 14 });
    assert.equal((await alone.result()).message.content, second.message.content);
    const { history, opening } = templates[template].prompt([ASK, first.message]);
    const { usage } = await alone.result();
    assert.equal(
      usage!.promptTokens,
      encodePrompt(fairy.tokenizer, history).length + encodePrompt(fairy.tokenizer, opening).length,
    );
    talk.dispose();
  });

async function scripted(scripts: Parameters<typeof chainModel>[0]): Promise<Model> {
  const { model, vocab } = await chainModel(scripts);
  return loadModel(model, { vocab, threads: 1 });
}

test("a thought goes on as a thought, and the answer after it as the answer, wherever it is cut", async () => {
  const script = [
    ...[">\nLet me", " see.\n\nIt is li", "ght.\n</thi", "nk>\nThe", " sky\n\nis `", "`blue"],
    ...[".\n\nUs", "er:"],
  ];
  const model = await scripted({ k: script });
  for (let cut = 1; cut < script.length - 1; cut++) {
    const talk = await createChat(model, { template: "g1", temperature: 0, think: "on" });
    await talk.send("Why?", { maxTokens: cut }).result();
    const { message, usage, stop } = await talk.answer().result();
    const expected = { content: "The sky\n\nis ``blue.", reasoning: "Let me see.\n\nIt is light." };
    assert.deepEqual([stop, usage!.promptTokens], ["stop", 0], String(cut));
    assert.deepEqual(talk.messages[1], { role: "assistant", ...expected }, String(cut));
    assert.ok(expected.content.endsWith(message.content!));
    talk.dispose();
  }
  await model.dispose();
});

test("leaving the loop, aborting and half a next turn are no obstacles", async () => {
  const model = await scripted({ ":": [" One", " two", " three.", "\n\nUs", "er:"] });
  const talk = await createChat(model, { template: "world", temperature: 0 });
  for await (const { text } of talk.send("Count")) if (text.includes("One")) break;
  assert.equal(talk.messages[1]!.content, "One");
  const { message, stop } = await talk.answer().result();
  assert.deepEqual([message.content, stop, talk.messages[1]!.content], [" two three.", "stop", "One two three."]);
  await assert.rejects(talk.answer({ signal: AbortSignal.abort(new Error("no")) }).result(), /no/);
  assert.equal(talk.messages[1]!.content, "One two three.");
  talk.dispose();
  // What was cut inside "\n\nUser:" does not speak as the user.
  const half = [
    { role: "user", content: "Count" },
    { role: "assistant", content: "One two three.\n\nUs" },
  ] as const;
  const later = await createChat(model, { template: "world", temperature: 0, messages: half });
  await later.answer().result();
  assert.doesNotMatch(String(later.messages[1]!.content), /Us/);
  later.dispose();
  await model.dispose();
});

test("an answer that the caller begins", async () => {
  const model = await scripted({ e: [" was a king", " again."] });
  const talk = await createChat(model, { template: "world", temperature: 0 });
  const { message } = await talk.send([ASK, { role: "assistant", content: "Once there" }]).result();
  assert.equal(message.content, " was a king again.");
  assert.equal(talk.messages[1]!.content, "Once there was a king again.");
  const again = await talk.regenerate({ maxTokens: 1 }).result();
  assert.equal(again.usage!.promptTokens, model.tokenizer.encode("Assistant:").length);
  talk.dispose();
  await model.dispose();
});

test("in the words of a Jinja template", async () => {
  const source =
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}" +
    "{% if add_generation_prompt %}<|assistant|>{% if enable_thinking %}<think>\n{% endif %}{% endif %}";
  const template = await jinjaTemplate(source);
  const answer: ChatMessage = { role: "assistant", content: "It is" };
  const parts = (last: ChatMessage, think?: "on") => template.prompt([ASK, last], { think });
  const history = "<|user|>Tell me a tale.<|end|>\n";
  assert.deepEqual(parts(answer), { history, opening: "<|assistant|>It is", prefill: "It is" });
  assert.deepEqual(parts({ ...answer, content: "" }), { history, opening: "<|assistant|>", prefill: "" });
  const thought = { ...answer, content: "", reasoning: "Hm" };
  assert.deepEqual(parts(thought, "on"), { history, opening: "<|assistant|><think>\nHm", prefill: "Hm" });
  assert.deepEqual(parts(thought), { history, opening: "<|assistant|><think>\nHm", prefill: "<think>\nHm" });
  const changes = await jinjaTemplate("{% for m in messages %}{{ m.content|upper }}{% endfor %}");
  assert.throws(() => changes.prompt([ASK, answer]), /changes the answer that is to be continued/);
});

test("what cannot be continued", async () => {
  const call = { id: "1", type: "function", function: { name: "now", arguments: "{}" } } as const;
  assert.throws(
    () => chat(fairy, [ASK, { role: "assistant", content: null, tool_calls: [call] }]),
    /"messages" expected results for the calls of the last message, got none/,
  );
  const template = { name: "mine", stops: [], thinks: false, prompt: () => ({ history: "", opening: "x" }) };
  const answer: ChatMessage = { role: "assistant", content: "x" };
  await assert.rejects(
    chat(fairy, [ASK, answer], { template }).result(),
    /"template" expected one that returns "prefill"/,
  );
  const tools = [{ type: "function", function: { name: "now" } }] as const;
  const prefill: ChatMessage = { role: "assistant", content: '```json\n{"name":"rm"' };
  await assert.rejects(
    chat(fairy, [ASK, prefill], { tools }).result(),
    /a last answer that can be continued with calls/,
  );
});
