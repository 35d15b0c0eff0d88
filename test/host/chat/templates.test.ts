/** What each generation's prompts are, to the token. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  type ChatMessage,
  encodePrompt,
  FILL_STOP,
  fillPrompt,
  type PromptOptions,
  speakerTemplate,
  templates,
} from "wkv/chat";
import { loadTokenizer } from "wkv/tokenizer";
import { FORMATS } from "../../../host/prompt/formats.ts";
import { goldenFolder, missingGolden } from "../../support/missing.ts";

interface Case {
  name: string;
  template: keyof typeof templates;
  vocab: "world" | "pile";
  messages: ChatMessage[];
  options?: PromptOptions;
  text: string;
  /** By a tokenizer in Python, for the text as a whole: test/golden/make-chat-cases.py. */
  ids: number[];
}

const CASES: Case[] = JSON.parse(readFileSync(new URL("../../golden/data/chat/cases.json", import.meta.url), "utf8"));
const FILES = { world: "rwkv_vocab_v20230424.txt", pile: "20B_tokenizer.json" };

for (const vocab of ["world", "pile"] as const) {
  const path = join(goldenFolder, "tokenizer", FILES[vocab]);
  const skip = missingGolden(`tokenizer/${FILES[vocab]}`);
  describe(`prompts for the ${vocab} vocabulary have these ids`, { skip }, () => {
    for (const { name, template, messages, options, ids } of CASES.filter((each) => each.vocab === vocab))
      test(name, async () => {
        const tokenizer = await loadTokenizer(path);
        const { history, opening } = templates[template].prompt(messages, options);
        // In two halves, as a chat reads them, with the ids of the whole.
        assert.deepEqual([...encodePrompt(tokenizer, history), ...encodePrompt(tokenizer, opening)], ids);
        assert.deepEqual(encodePrompt(tokenizer, history + opening), ids);
      });
  });
}

test("the texts of all prompts", () => {
  for (const { name, template, messages, options, text } of CASES) {
    const { history, opening } = templates[template].prompt(messages, options);
    assert.equal(history + opening, text, name);
  }
});

test("a later prompt begins with the history of the one before", () => {
  for (const { name, template, messages, options } of CASES) {
    const { history } = templates[template].prompt(messages, options);
    const later = [
      ...messages,
      { role: "assistant", content: "An answer." },
      { role: "user", content: "More" },
    ] as const;
    assert.ok(templates[template].prompt(later, options).history.startsWith(history), name);
  }
});

const world = join(goldenFolder, "tokenizer", FILES.world);

test("a format of one's own", async () => {
  const format = { ...FORMATS.world, name: "mine", user: "Q", assistant: "A", startsWithEnd: true };
  const { history, opening } = speakerTemplate(format).prompt([{ role: "user", content: "1 + 1\nA: 3" }]);
  assert.equal(history + opening, "\0Q: 1 + 1\nA : 3\n\nA:");
  if (!existsSync(world)) return;
  assert.equal(encodePrompt(await loadTokenizer(world), history)[0], 0);
});

test("fill in the middle", { skip: missingGolden(`tokenizer/${FILES.world}`) }, async () => {
  const tokenizer = await loadTokenizer(world);
  const text = fillPrompt("def add(a, b):\n    ", "\n\nprint(add(1, 2)) # ✿");
  assert.equal(text, "✿prefix✿✿suffix✿\n\nprint(add(1, 2)) # ❀✿middle✿def add(a, b):\n    ");
  const [mark, ...others] = tokenizer.encode(FILL_STOP[0]!);
  assert.deepEqual(others, []);
  assert.equal(tokenizer.encode(text).filter((id) => id === mark).length, 6);
});
