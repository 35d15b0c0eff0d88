/** The checks of prompts: each rule, and that mending ends with nothing left to mend. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPrompt, fixPrompt, type TemplateName, templates } from "wkv/chat";
import { arrange, arrangePrompt } from "../../../host/prompt/arrange.ts";
import { repeats } from "../../support/effort.ts";
import { random } from "../../support/random.ts";

const GOOD =
  "System: Be brief.\n\nUser: Why is the sky blue?\n\nAssistant: It scatters.\n\nIt is light.\n\nUser: So?\n\nAssistant:";
const LONG = "There was a king who had three daughters. ".repeat(12).trim();

/** Rule, what is wrong, where (line:column), and the prompt mended. */
const CASES: [rule: string, text: string, place: string, mended: string, template?: TemplateName][] = [
  ["byte-order-mark", "\ufeffUser: x\n\nAssistant:", "1:1", "User: x\n\nAssistant:"],
  ["line-end", "User: x\r\n\r\nAssistant:", "1:8", "User: x\n\nAssistant:"],
  ["line-end", "User: x\u2028y\n\nAssistant:", "1:8", "User: x\ny\n\nAssistant:"],
  ["control-character", "User: x\u0007\0y\n\nAssistant:", "1:8", "User: xy\n\nAssistant:"],
  ["unicode-space", "User:\u00a0x\n\nAssistant:", "1:6", "User: x\n\nAssistant:"],
  ["invisible-character", "User: x\u200by\n\nAssistant:", "1:8", "User: xy\n\nAssistant:"],
  ["foreign-format", "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n", "1:1", "User: x\n\nAssistant:"],
  ["foreign-format", "[INST] x [/INST]", "1:1", "User: x\n\nAssistant:"],
  ["foreign-format", "### Instruction:\nx\n\n### Response:", "1:1", "User: x\n\nAssistant:"],
  ["leading-space", "\n User: x\n\nAssistant:", "1:1", "User: x\n\nAssistant:"],
  ["trailing-space", "User: x\n\nAssistant: ", "3:11", "User: x\n\nAssistant:"],
  ["trailing-space", "User: x\n\nAssistant:\n", "3:11", "User: x\n\nAssistant:"],
  ["trailing-space", "Once upon a time ", "1:17", "Once upon a time"],
  ["double-separator", "User: x\n\n\n\nAssistant:", "1:8", "User: x\n\nAssistant:"],
  ["blank-line", "User: x\n \t\nAssistant:", "1:8", "User: x\n\nAssistant:"],
  ["missing-blank-line", "User: x\nAssistant:", "1:8", "User: x\n\nAssistant:"],
  ["speaker-name", "Bob: x\n\nAlice:", "1:1", "User: x\n\nAssistant:"],
  ["speaker-name", "user: x\n\nASSISTANT:", "1:1", "User: x\n\nAssistant:"],
  ["speaker-name", "User: x\n\nAssistant:", "1:1", "Bob: x\n\nAlice:", "raven"],
  ["label-form", "User:x\n\nAssistant:", "1:1", "User: x\n\nAssistant:"],
  ["label-form", "User :  x\n\nAssistant：", "1:1", "User: x\n\nAssistant:"],
  ["label-form", "User:\nx\n\nAssistant:", "1:1", "User: x\n\nAssistant:"],
  ["empty-turn", "User:\n\nAssistant:", "1:1", "User:\n\nAssistant:"],
  ["blank-line-in-turn", "User: x\n\ny\n\nAssistant:", "1:8", "User: x\ny\n\nAssistant:"],
  [
    "blank-line-in-turn",
    "Bob: x\n\nAlice: y\n\nz\n\nBob: x\n\nAlice:",
    "3:9",
    "Bob: x\n\nAlice: y\nz\n\nBob: x\n\nAlice:",
    "raven",
  ],
  ["no-opening", "User: x\n", "1:8", "User: x\n\nAssistant:"],
  ["no-speaker", "Why is the sky blue?", "1:1", "User: Why is the sky blue?\n\nAssistant:"],
  ["think-tag", "User: x\n\nAssistant: <think>", "3:12", "User: x\n\nAssistant: <think", "g1"],
  ["think-tag", "User: x\n\nAssistant: <think></think>\n", "3:12", "User: x\n\nAssistant: <think></think", "g1"],
  ["think-tag", "User: x\n\nAssistant: <think", "3:11", "User: x\n\nAssistant:", "world"],
  [
    "thought-in-history",
    "User: x\n\nAssistant: <think>\n\na\n</think>\nYes.\n\nUser: y\n\nAssistant:",
    "3:12",
    "User: x\n\nAssistant: Yes.\n\nUser: y\n\nAssistant:",
    "g1",
  ],
  ["question-last", `User: ${LONG}\nWho?\n\nAssistant:`, "1:7", `User: Who?\n${LONG}\n\nAssistant:`],
];

test("each rule finds what is wrong, says where, and mends it", () => {
  for (const [rule, text, place, mended, template] of CASES) {
    const found = checkPrompt(text, template).find((each) => each.rule === rule);
    assert.ok(found, `${rule} in ${JSON.stringify(text)}`);
    assert.equal(`${found.line}:${found.column}`, place, `${rule} in ${JSON.stringify(text)}`);
    assert.equal(fixPrompt(text, template), mended);
  }
});

test("nothing is wrong with good prompts", () => {
  assert.deepEqual(checkPrompt(GOOD), []);
  assert.deepEqual(checkPrompt("Once upon a time"), []);
  assert.deepEqual(checkPrompt("\nThe following is a talk.\n\nBob: x\n\nAlice:", "raven"), []);
  for (const think of ["fake", "on", "a lot"] as const) {
    const { history, opening } = templates.g1.prompt([{ role: "user", content: "Why?\n\nTell me." }], { think });
    assert.deepEqual(checkPrompt(history + opening, "g1"), []);
  }
  assert.deepEqual(checkPrompt(""), []);
});

const PIECES = [
  "User:",
  "Assistant:",
  "System:",
  "Bob:",
  "user :",
  "Alice：",
  "AI:",
  " ",
  "  ",
  "\n",
  "\n\n",
  "\n\n\n",
  "\r\n",
  " \n",
  "\n \n",
  "hi",
  "Why?",
  "x. y?",
  "\u00a0",
  "\ufeff",
  "\u200b",
  "\0",
  "\u2028",
  "<think>",
  "<think",
  "</think>",
  "</think",
  ">",
  "<|im_start|>user\n",
  "<|im_end|>",
  "[INST]",
  "[/INST]",
  "### Response:",
  "<s>",
  "long ".repeat(120),
]; // prettier-ignore

test("broken prompts: mending ends, a second time changes nothing, and nothing mendable is left", () => {
  const next = random(6);
  const formats = Object.keys(templates) as TemplateName[];
  for (let i = 0; i < repeats(20_000); i++) {
    const text = Array.from({ length: next(14) }, () => PIECES[next(PIECES.length)]).join("");
    const format = formats[next(formats.length)]!;
    const mended = fixPrompt(text, format);
    const left = checkPrompt(mended, format).filter(({ replacement }) => replacement !== undefined);
    assert.deepEqual(left, [], JSON.stringify([format, text, mended]));
    for (const { index, length } of checkPrompt(text, format)) assert.ok(index >= 0 && index + length <= text.length);
  }
});

test("wrong arguments", () => {
  assert.throws(() => checkPrompt(7 as unknown as string), /"text" expected a text, got number/);
  assert.throws(() => fixPrompt("x", "chatml" as TemplateName), /"template" expected raven, world, g1, got "chatml"/);
});

test("the question is found and put first, or all is read twice", () => {
  const first = (...parts: string[]) => arrange(parts, { questionFirst: true });
  assert.equal(first("A.\nB.\nWho?"), "Who?\nA.\nB.");
  assert.equal(first("A. B. Who is it?"), "Who is it?\nA. B.");
  assert.equal(first("一。二。谁？"), "谁？\n一。二。");
  assert.equal(first("A long tale.\n\nSummarise the tale."), "Summarise the tale.\nA long tale.");
  assert.equal(first("Summarise this:\nA.\n\nB."), "Summarise this:\nA.\n\nB."); // asked for already
  assert.equal(first("A.\nB."), "A.\nB.");
  assert.equal(first("Who?"), "Who?");
  assert.equal(first("A\nB", "C", "do it"), "do it\nA\nB\nC");
  assert.equal(arrange(["hi"], { readTwice: true }), "hi");
  assert.equal(arrange(["A.\nWho?"], { readTwice: true }), "A.\nWho?\nA.\nWho?");
  assert.equal(arrange(["A.\nWho?"], { questionFirst: true, readTwice: true }), "Who?\nA.\nWho?\nA.");
  assert.equal(arrange(["A.", "Who?"], {}), "A.\nWho?");
});

test("in a prompt of text only the last user's turn is arranged", () => {
  const chat = "User: A.\nWho?\n\nAssistant: B.\n\nUser: C.\nWhy?\n\nAssistant: <think";
  const arranged = "User: A.\nWho?\n\nAssistant: B.\n\nUser: Why?\nC.\n\nAssistant: <think";
  assert.equal(arrangePrompt(chat, { questionFirst: true }), arranged);
  assert.equal(arrangePrompt("A tale.\nWho?", { readTwice: true }), "A tale.\nWho?\n\nA tale.\nWho?");
  assert.equal(arrangePrompt(chat, {}), chat);
});
