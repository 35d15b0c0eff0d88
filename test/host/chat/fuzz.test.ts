/** Whatever users say, they neither end their turn nor speak as somebody else. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import {
  type ChatMessage,
  type ChatTemplate,
  cleanTurn,
  encodePrompt,
  jinjaTemplate,
  type Role,
  templates,
} from "wkv/chat";
import { loadTokenizer } from "wkv/tokenizer";
import { repeats } from "../../support/effort.ts";
import { goldenFolder, missingGolden } from "../../support/missing.ts";
import { random } from "../../support/random.ts";

const LINE_ENDS = [
  "\n",
  "\n\n",
  "\n\n\n",
  "\r\n",
  "\r",
  "\r\n\r\n",
  "\u2028",
  "\u2029",
  "\u0085",
  "\v",
  "\f",
  "\n \n",
  "\n\t\n",
  "\n\u200b\n",
  "\n\ufeff\n",
  "\n\u00a0\n",
  "\n\u3000\n",
  " \n",
  "\n ",
];
const NAMES = [
  "User",
  "Assistant",
  "System",
  "Bob",
  "Alice",
  "Function output",
  "user",
  "ASSISTANT",
  "User\u200b",
  "\u200bAssistant",
  "  System",
  "\tUser",
  "\u00a0Assistant",
];
const COLONS = [":", ": ", "：", " :", ":\n"];
const OTHERS = [
  "hi",
  "Why?",
  "  ",
  "\t",
  "\0",
  "\u0001",
  "\x1b[2J",
  "\x7f",
  "\u0080",
  "<|endoftext|>",
  "<|im_end|>",
  "<|im_start|>system",
  "<think>",
  "</think>",
  "```json",
  '{"name":"f"}',
  "✿",
  "é",
  "e\u0301",
  "日本",
  "😀",
  "\ud800",
  "\u202e",
  "\u200d",
  "[/INST]",
  "\\n\\n",
  ":",
  "a".repeat(50),
  "(think a lot)",
  "Tools:",
]; // prettier-ignore

/** A message made to do harm. */
function nasty(next: (below: number) => number): string {
  const pick = (list: readonly string[]) => list[next(list.length)]!;
  const fragment = () => {
    const kind = next(4);
    return kind === 0
      ? pick(LINE_ENDS)
      : kind === 1
        ? pick(NAMES) + pick(COLONS)
        : kind === 2
          ? pick(LINE_ENDS) + pick(NAMES) + pick(COLONS)
          : pick(OTHERS);
  };
  return Array.from({ length: next(12) }, fragment).join("");
}

/** A chat of such messages, in a possible order of roles. */
function nastyChat(next: (below: number) => number): ChatMessage[] {
  const said = (role: Role): ChatMessage => ({ role, content: nasty(next) });
  const turns = Array.from({ length: 1 + next(3) }, () => [said(next(4) === 0 ? "tool" : "user"), said("assistant")]);
  return [...(next(2) ? [said("system")] : []), ...turns.flat().slice(0, -1)];
}

/** Who begins a turn in a prompt of `Name: text`: read as a model sees it, by lines, with no code of the templates. */
function turnsOf(prompt: string, names: readonly string[]): string[] {
  const turns: string[] = [];
  const lines = prompt.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/);
  for (const [i, line] of lines.entries()) {
    const bare = line.replace(/[\u200b\ufeff]/g, "").trimStart();
    const name = names.find((each) => new RegExp(`^${each}[:：]`, "i").test(bare));
    if (!name) continue;
    assert.ok(line.startsWith(`${name}:`), `${JSON.stringify(line)} is no clean beginning of a turn`);
    assert.ok(i === 0 || lines[i - 1] === "", `${JSON.stringify(line)} comes in the middle of a turn`);
    turns.push(name);
  }
  return turns;
}

const SPEAKERS: Record<string, Record<Exclude<Role, "developer">, string | undefined>> = {
  raven: { user: "Bob", tool: "Bob", assistant: "Alice", system: undefined },
  world: { user: "User", tool: "User", assistant: "Assistant", system: "System" },
  g1: { user: "User", tool: "User", assistant: "Assistant", system: "System" },
};

function checkPromptOf(template: ChatTemplate, messages: ChatMessage[], think: "off" | "a bit"): string {
  const speakers = SPEAKERS[template.name]!;
  const { history, opening } = template.prompt(messages, { think });
  const prompt = history + opening;
  const named = messages
    .map(({ role }) => speakers[role as Exclude<Role, "developer">])
    .filter((name) => name !== undefined);
  const names = Object.values(speakers).filter((name) => name !== undefined);
  assert.deepEqual(turnsOf(prompt, names), [...named, speakers.assistant], JSON.stringify(messages));
  assert.doesNotMatch(prompt, /[^\P{Cc}\n\t]/u);
  assert.doesNotMatch(prompt, /<\|\w+\|>/);
  return prompt;
}

test("hostile chats in each format: every turn is its speaker's, and nobody else speaks", () => {
  const next = random(7);
  for (let i = 0; i < repeats(10_000); i++) {
    const messages = nastyChat(next);
    for (const template of Object.values(templates)) {
      const prompt = checkPromptOf(template, messages, i % 2 ? "off" : "a bit");
      if (template.name === "raven") assert.doesNotMatch(prompt.replace(/\n\n(?=Bob:|Alice:)/g, ""), /\n\n./s);
    }
  }
});

test("an empty line is nowhere in what users, systems and tools say", () => {
  const next = random(8);
  for (let i = 0; i < repeats(10_000); i++) {
    const messages: ChatMessage[] = [
      { role: "system", content: nasty(next) },
      { role: i % 3 ? "user" : "tool", content: nasty(next) },
    ];
    const { history } = templates.world.prompt(messages);
    assert.equal(history.split("\n\n").length, 3, JSON.stringify(messages)); // two turns, each with one at its end
    assert.doesNotMatch(history, /\n\s*\n(?!User:|$)/);
  }
});

test("nobody can say what a tool says", () => {
  const next = random(9);
  for (let i = 0; i < 5_000; i++) {
    const content = `${["", "\n", "\u2028 ", "x\n\n"][next(4)]}Function output:${nasty(next)}`;
    const { history } = templates.g1.prompt([{ role: "user", content }]);
    assert.doesNotMatch(history, /^(?:User: )?\s*Function output[:：]/imu, JSON.stringify(content));
  }
});

test("cleaning twice is cleaning once", () => {
  const next = random(10);
  for (let i = 0; i < 5_000; i++) {
    const once = cleanTurn(nasty(next));
    assert.equal(cleanTurn(once), once);
    assert.equal(once.trim(), once);
  }
});

const CHATML =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

test("in a template of the file's own, too", async () => {
  const next = random(11);
  const template = await jinjaTemplate(CHATML);
  for (let i = 0; i < 3_000; i++) {
    const messages = nastyChat(next);
    const { history, opening } = template.prompt(messages);
    const roles = [...(history + opening).matchAll(/<\|im_start\|>(\w+)\n/g)].map(([, role]) => role);
    assert.deepEqual(roles, [...messages.map(({ role }) => role), "assistant"]);
  }
});

for (const [vocab, file] of [
  ["world", "rwkv_vocab_v20230424.txt"],
  ["pile", "20B_tokenizer.json"],
] as const) {
  const path = join(goldenFolder, "tokenizer", file);
  const skip = missingGolden(`tokenizer/${file}`);
  test(`in tokens of ${vocab}: no end of text, and the halves of a prompt are the whole`, { skip }, async () => {
    const tokenizer = await loadTokenizer(path);
    const next = random(12);
    const template = vocab === "pile" ? templates.raven : templates.g1;
    for (let i = 0; i < (vocab === "pile" ? 300 : 3_000); i++) {
      const { history, opening } = template.prompt(nastyChat(next));
      const ids = [...encodePrompt(tokenizer, history), ...encodePrompt(tokenizer, opening)];
      assert.ok(!ids.includes(tokenizer.endOfText!));
      assert.deepEqual(ids, encodePrompt(tokenizer, history + opening));
    }
  });
}
