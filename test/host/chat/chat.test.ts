/** Chats with real models: the story teller that comes with wkv, and one whose every token is known. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { loadModel, type Model } from "wkv";
import {
  type ChatPiece,
  type ChatTemplate,
  chat,
  chooseTemplate,
  createChat,
  encodePrompt,
  loadChat,
  templates,
} from "wkv/chat";
import { chainModel } from "../../support/chain-model.ts";
import { readGolden } from "../../support/checkpoint-checks.ts";
import { collect } from "../../support/collect.ts";
import { toGguf } from "../../support/convert-gguf.ts";
import { string } from "../../support/make-gguf.ts";
import { goldenFolder, missingGolden } from "../../support/missing.ts";
import { FAIRY, load, SMALL, SMALL_IDS, symbols } from "../../support/models.ts";

let fairy: Model;
before(async () => {
  fairy = await loadModel(FAIRY, { threads: 1 });
});
after(() => fairy.dispose());

async function scripted(scripts: Parameters<typeof chainModel>[0]): Promise<Model> {
  const { model, vocab } = await chainModel(scripts);
  return loadModel(model, { vocab, threads: 1 });
}

const joined = (pieces: readonly ChatPiece[], part: "text" | "thinking") => pieces.map((piece) => piece[part]).join("");

test("the message is the fold of the stream, and the last piece says how it went", async () => {
  const messages = [{ role: "user", content: "Tell me a tale." }] as const;
  const options = { seed: 5, maxTokens: 30, logprobs: true };
  const pieces = await collect(chat(fairy, messages, options));
  const { message, stop, usage } = await chat(fairy, messages, options).result();
  assert.deepEqual(message, { role: "assistant", content: joined(pieces, "text") });
  const last = pieces.at(-1)!;
  assert.deepEqual([last.stop, stop, usage!.completionTokens], ["length", "length", 30]);
  assert.equal(usage!.promptTokens, fairy.tokenizer.encode("User: Tell me a tale.\n\nAssistant:").length);
  assert.ok(usage!.completionTokensPerSecond > 0 && usage!.promptTokensPerSecond > 0);
  assert.ok(pieces.slice(0, -1).every((piece) => piece.stop === undefined && piece.usage === undefined));
  assert.ok(pieces.every(({ logprob }) => logprob! <= 0));
});

test("each turn reads only what is new", async () => {
  const talk = await createChat(fairy, { seed: 5, maxTokens: 12, system: "Be brief." });
  await talk.send("Hello").result();
  const { usage } = await talk.send("And then?").result();
  assert.equal(usage!.promptTokens, encodePrompt(fairy.tokenizer, "\n\nUser: And then?\n\nAssistant:").length);
  assert.deepEqual(
    talk.messages.map(({ role }) => role),
    ["system", "user", "assistant", "user", "assistant"],
  );
  const again = await talk.regenerate().result();
  assert.equal(again.usage!.promptTokens, fairy.tokenizer.encode("Assistant:").length);
  assert.equal(talk.messages.length, 5);
  talk.dispose();
});

test("a thought is shown, kept for the reader, and never read again: the next answer is that of a new chat", async () => {
  const options = { template: "g1", temperature: 0, maxTokens: 15, logprobs: true } as const;
  const talk = await createChat(fairy, options);
  const first = await collect(talk.send("Hello", { think: "on" }));
  assert.notEqual(joined(first, "thinking"), "");
  assert.equal(talk.messages[1]!.reasoning, joined(first, "thinking"));
  talk.edit(1, "Once there was a king."); // the story teller does not end its thoughts
  const messages = [...talk.messages, { role: "user", content: "Who was he?" }] as const;
  const kept = await collect(talk.send("Who was he?"));
  const anew = await collect(chat(fairy, messages, options));
  const plain = ({ usage: _, ...piece }: ChatPiece) => piece;
  assert.deepEqual(kept.map(plain), anew.map(plain)); // logprobs included: the same bits
  talk.dispose();
});

const THOUGHT = [
  ...[">\nLet me ", "see.\n\nIt is li", "ght.</thi", "nk>\n", "\n\n"],
  ...["The", " s", "ky\n\nscatters ", [0xf0, 0x9f], [0x8c, 0x88], ".\n", "\nUs", "er:", " more"],
];

test("thoughts, characters and stops that are cut anywhere", async () => {
  const model = await scripted({ k: THOUGHT, ":": [" Hi.\n", "\nAssist", "ed by me.\n", "\nUse", "r:"] });
  const talk = await createChat(model, { template: "g1", temperature: 0 });
  const pieces = await collect(talk.send("Why?", { think: "on" }));
  assert.deepEqual(
    pieces.map(({ text }) => text).filter(Boolean),
    ["The", " s", "ky\n\nscatters", " 🌈", "."], // blanks wait for what follows
  );
  assert.equal(joined(pieces, "thinking"), "Let me see.\n\nIt is light.");
  assert.equal(pieces.at(-1)!.stop, "stop");
  assert.equal(pieces.length, THOUGHT.length - 1, "nothing was made after the stop");
  assert.deepEqual(talk.messages[1], {
    role: "assistant",
    content: "The sky\n\nscatters 🌈.",
    reasoning: "Let me see.\n\nIt is light.",
  });
  // Only the answer is in the history, and an answer that merely begins like a stop goes on.
  const second = await talk.send("So?").result();
  const history = "Assistant: The sky\n\nscatters 🌈.\n\nUser: So?\n\nAssistant:";
  assert.equal(second.usage!.promptTokens, model.tokenizer.encode(history).length);
  assert.equal(second.message.content, "Hi.\n\nAssisted by me.");
  // The session has read "\n\nUser:" of its own making already.
  const third = await talk.send("And?").result();
  assert.equal(third.usage!.promptTokens, model.tokenizer.encode(" And?\n\nAssistant:").length);
  talk.dispose();
  await model.dispose();
});

test("an answer that is cut short is part of the chat, and the chat goes on", async () => {
  const talk = await createChat(fairy, { seed: 5, maxTokens: 40 });
  const controller = new AbortController();
  let shown = "";
  await assert.rejects(async () => {
    for await (const { text } of talk.send("Hello", { signal: controller.signal })) {
      shown += text;
      if (shown.length > 20) controller.abort(new Error("enough"));
    }
  }, /enough/);
  assert.deepEqual(talk.messages[1], { role: "assistant", content: shown });
  for await (const piece of talk.send("Go on")) if (piece.text) break;
  assert.equal(talk.messages.length, 4);
  const { usage } = await talk.send("And?").result();
  assert.equal(usage!.promptTokens, encodePrompt(fairy.tokenizer, "\n\nUser: And?\n\nAssistant:").length);
  await assert.rejects(talk.send("x", { signal: AbortSignal.abort(new Error("before")) }).result(), /before/);
  const last = await talk.answer().result();
  assert.equal(last.stop, "length");
  talk.dispose();
});

test("an answer is sampled by its template's preset, unless another is named", async () => {
  const messages = [{ role: "user", content: "Tell me a tale." }] as const;
  const text = async (options: object) =>
    (await chat(fairy, messages, { seed: 5, maxTokens: 40, ...options }).result()).message.content;
  assert.equal(await text({}), await text({ preset: "chat" }));
  assert.equal(await text({ template: { ...templates.world, preset: "pip" } }), await text({ preset: "pip" }));
  assert.notEqual(await text({ preset: "pip", temperature: 3, topP: 1 }), await text({}));
  assert.notEqual(await text({ mirostatTau: 8 }), await text({}));
});

test("a fork goes its own way; edit goes back", async () => {
  const talk = await createChat(fairy, { seed: 5, maxTokens: 10 });
  await talk.send("Hello").result();
  const other = talk.fork();
  const one = await talk.send("Tell me more").result();
  await other.send("Stop that").result();
  assert.equal(other.messages[2]!.content, "Stop that");
  other.edit(2, "Tell me more");
  assert.equal(other.messages.length, 3);
  assert.deepEqual((await other.answer().result()).message, one.message);
  assert.throws(() => other.edit(9, "x"), /"index" expected 0 to 3, got 9/);
  for (const each of [talk, other]) each.dispose();
});

test("a saved chat goes on as if it had not stopped, in constant reading", async () => {
  const talk = await createChat(fairy, { seed: 5, maxTokens: 10, template: "g1" });
  await talk.send("Hello").result();
  const saved = await talk.save();
  const expected = await talk.send("More").result();
  const loaded = await loadChat(fairy, saved, { seed: 5, maxTokens: 10 });
  assert.equal(loaded.template.name, "g1");
  const { message, usage } = await loaded.send("More").result();
  assert.deepEqual(message, expected.message);
  assert.equal(usage!.promptTokens, expected.usage!.promptTokens);
  assert.equal(loaded.stateRefused, undefined);
  for (const each of [talk, loaded]) each.dispose();
});

test("another model takes the messages of a saved chat, not its state", async () => {
  const talk = await createChat(fairy, { seed: 5, maxTokens: 10 });
  await talk.send("Hello").result();
  const saved = await talk.save();
  const model = await scripted({ ":": [" Hi."] });
  const loaded = await loadChat(model, saved, { temperature: 0 });
  assert.match(loaded.stateRefused!.message, /another model/);
  assert.deepEqual(loaded.messages, talk.messages);
  assert.equal((await loaded.send("x").result()).message.content, "Hi.");
  for (const each of [talk, loaded]) each.dispose();
  await model.dispose();
});

test("damaged chats are refused", async () => {
  const talk = await createChat(fairy, { messages: [{ role: "user", content: "Hello" }] });
  const saved = await talk.save();
  const changed = (at: number, byte: number) => Object.assign(saved.slice(), { [at]: byte });
  for (const bytes of [
    new Uint8Array(0),
    saved.slice(0, 20),
    changed(0, 1),
    changed(4, 9),
    changed(11, 255),
    changed(13, 0),
  ])
    await assert.rejects(loadChat(fairy, bytes), { code: "bad-state" });
  talk.dispose();
});

test("one answer at a time; wrong arguments are named", async () => {
  const talk = await createChat(fairy, { maxTokens: 5 });
  const answer = talk.send("Hello")[Symbol.asyncIterator]();
  await answer.next();
  await assert.rejects(talk.send("Hi").result(), { code: "busy" });
  assert.throws(() => talk.fork(), { code: "busy" });
  await answer.return!();
  await talk.send("Hi").result();
  const wrong = (messages: unknown, message: RegExp) => assert.throws(() => chat(fairy, messages as [], {}), message);
  wrong("x", /"messages" expected an array, got string/);
  wrong([], /"messages" expected a last message to answer or to continue, got none/);
  wrong([{ role: "system", content: "x" }], /to answer or to continue, got a system's/);
  wrong(
    [{ role: "bot", content: "x" }],
    /"messages\[0\]" expected a role of system, developer, user, assistant, tool, got "bot"/,
  );
  wrong([{ role: "user", content: null }], /"messages\[0\]" expected a content of text, got null/);
  wrong([{ role: "user", content: [{ type: "image" }] }], /parts that are not text/);
  wrong([{ role: "assistant", content: null, tool_calls: [{}] }], /expected tool_calls of/);
  const options = (given: object, message: RegExp) =>
    assert.throws(() => chat(fairy, [{ role: "user", content: "x" }], given), message);
  options({ think: "hard" }, /"think" expected off, fake, on, a bit, a lot, got "hard"/);
  options({ tools: [{}] }, /"tools\[0\]" expected a function with a name/);
  options({ topP: 2 }, /"topP" expected/);
  await assert.rejects(createChat(fairy, { template: "chatml" }), /"template" expected raven, world, g1/);
  talk.dispose();
});

test("the system's text can change; parts are material and a question", async () => {
  const talk = await createChat(fairy, { maxTokens: 5, seed: 1, questionFirst: true, readTwice: true });
  assert.equal(talk.system, undefined);
  talk.system = "Be brief.";
  const parts = ["A long tale.", "Who is in it?"].map((text) => ({ type: "text", text }) as const);
  const { usage } = await talk.send(parts).result();
  const twice = "Who is in it?\nA long tale.\nWho is in it?\nA long tale.";
  const prompt = `System: Be brief.\n\nUser: ${twice}\n\nAssistant:`;
  assert.equal(usage!.promptTokens, encodePrompt(fairy.tokenizer, prompt).length);
  talk.system = "Be long.";
  assert.equal(talk.system, "Be long.");
  assert.equal(talk.messages.length, 3);
  talk.system = undefined;
  assert.equal(talk.messages[0]!.role, "user");
  talk.dispose();
});

test("generate arranges prompts of text", async () => {
  const texts = async (prompt: string, options: object) => {
    let text = "";
    for await (const piece of fairy.createSession().generate(prompt, { maxTokens: 8, temperature: 0, ...options }))
      text += piece.text;
    return text;
  };
  const prompt = "User: There was a king.\nWho was there?\n\nAssistant:";
  const arranged = "User: Who was there?\nThere was a king.\nWho was there?\nThere was a king.\n\nAssistant:";
  assert.equal(await texts(prompt, { questionFirst: true, readTwice: true }), await texts(arranged, {}));
});

test("a template is chosen by the file", async () => {
  const name = async (info: object, kind = "world") => {
    const hints = { info: { architecture: "rwkv7", name: "", ...info }, tokenizer: { kind } };
    return (await chooseTemplate(hints)).name;
  };
  assert.equal(await name({ name: "rwkv7-g1b-1.5b-20251202-ctx8192.pth" }), "g1");
  assert.equal(await name({ name: "rwkv7-g0a3-7.2b.pth" }), "g1");
  assert.equal(await name({ name: "rwkv7-g1f-0.1b.gguf", chatTemplate: "rwkv-world" }), "g1");
  assert.equal(await name({ name: "RWKV-x070-World-0.4B-v2.9.pth" }), "world");
  assert.equal(await name({ name: "RWKV-4-World-0.1B.pth" }), "world");
  assert.equal(await name({ name: "RWKV-4-Raven-1B5-v12.pth" }, "neox"), "raven");
  assert.equal(await name({ name: "model.pth" }, "neox"), "raven");
  assert.equal(await name({ name: "big1.pth" }), "world");
  assert.equal(await name({ chatTemplate: "rwkv-world" }), "world");
  assert.equal(await name({ chatTemplate: "{{ messages[0].content }}" }), "jinja");
});

test("a GGUF's own template is honoured", async () => {
  const jinja =
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
  const bytes = toGguf(await readGolden(SMALL), {
    architecture: "rwkv7",
    headSize: 64,
    metadata: [["tokenizer.chat_template", string(jinja)]],
  });
  const model = await load(bytes, { vocab: symbols(SMALL_IDS) });
  assert.equal(model.info.chatTemplate, jinja);
  const talk = await createChat(model);
  const { history, opening } = talk.template.prompt([{ role: "user", content: "x" }]);
  assert.deepEqual([history, opening], ["[user] x\n", "[assistant]"]);
  await model.dispose();
});

const REVERSE = join(goldenFolder, "reverse");

test("a model with a format of its own: it reverses numbers", {
  skip: missingGolden("reverse"),
}, async () => {
  const vocab = new TextEncoder().encode([..."0123456789,#"].join("\n"));
  const model = await loadModel(join(REVERSE, "reverse-rwkv7.f32.safetensors"), { vocab, threads: 1 });
  const template: ChatTemplate = {
    name: "reverse",
    stops: ["#"],
    thinks: false,
    prompt: (messages) => ({ history: "", opening: `${messages.at(-1)!.content},` }),
  };
  const talk = await createChat(model, { template, temperature: 0 });
  for (const number of ["12345", "987654321012345678", "5"]) {
    const pieces = await collect(talk.send(number));
    assert.equal(joined(pieces, "text"), [...number].reverse().join(""));
    assert.equal(pieces.at(-1)!.stop, "stop");
  }
  assert.equal(templates.world.name, "world");
  await model.dispose();
});
