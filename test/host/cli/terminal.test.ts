/** `wkv chat` on a real pseudo-terminal: typed and pasted like a person, at several widths. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PasteReader } from "../../../host/cli/terminal/paste.ts";
import { WordWrap } from "../../../host/cli/terminal/wrap.ts";
import { chainModel } from "../../support/chain-model.ts";
import { random } from "../../support/random.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { Terminal } from "../../support/terminal.ts";

const ANSWER = "The king had three daughters, and his youngest one was so fair that even old suns wondered aloud.";
const folder = tempFolder("terminal");
before(async () => {
  const words = ANSWER.split(/(?= )/);
  const { model, vocab } = await chainModel({ ":": [` ${words[0]}`, ...words.slice(1)] });
  await writeFile(join(folder, "king.safetensors"), model);
  await writeFile(join(folder, "king.vocab.txt"), vocab);
  const evil = await chainModel({ ":": [" a\x1b[2Jb", "\x9b31mc", "\u202ed"] });
  await writeFile(join(folder, "evil.safetensors"), evil.model);
  await writeFile(join(folder, "evil.vocab.txt"), evil.vocab);
  const endless = await chainModel({ ":": [" on", " and"] }, true);
  await writeFile(join(folder, "endless.safetensors"), endless.model);
  await writeFile(join(folder, "endless.vocab.txt"), endless.vocab);
});

function open(args: readonly string[], columns = 80, env: Record<string, string> = {}): Terminal {
  return new Terminal(["chat", ...args], { cwd: folder, columns, env: { XDG_CACHE_HOME: folder, ...env } });
}

const PROMPT = "> ";

test("pasted texts arrive whole, in any chunks", async () => {
  const next = random(5);
  const characters = [..."ab /\\\"'日é😀\t.", "\n", "\n\n"];
  const texts = Array.from({ length: 12 }, () => {
    const body = Array.from({ length: 3 + next(120) }, () => characters[next(characters.length)]).join("");
    return `${body}\nend`;
  });
  const saved = join(folder, "pasted.json");
  const terminal = open(["king.safetensors", "-q", "-n", "1"]);
  for (const text of texts) {
    await terminal.type(PROMPT);
    const bytes = Buffer.from(`\x1b[200~${text.replaceAll("\n", "\r")}\x1b[201~\r`);
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + next(40);
      terminal.send(bytes.subarray(at, at + length));
      at += length;
      if (next(3) === 0) await sleep(2);
    }
    await terminal.type("The");
  }
  await terminal.type(PROMPT, `/save ${saved}\r`);
  await terminal.type("saved", "\x04");
  assert.equal(await terminal.exit(), 0);
  const messages: { role: string; content: string }[] = JSON.parse(await readFile(saved, "utf8"));
  assert.deepEqual(
    messages.filter(({ role }) => role === "user").map(({ content }) => content),
    texts,
  );
});

test("chunks of a paste may be cut anywhere, also in its marks", () => {
  const sent = "a\x1b[200~x\r\ny\x07\tz\x1b[20\x1b[201~b\x1b[A";
  for (let first = 0; first <= sent.length; first++)
    for (let second = first; second <= sent.length; second++) {
      const reader = new PasteReader();
      const parts = [sent.slice(0, first), sent.slice(first, second), sent.slice(second)].flatMap((chunk) =>
        reader.push(chunk),
      );
      const pasted = parts.filter(({ kind }) => kind === "paste").map(({ text }) => text);
      const keys = parts.filter(({ kind }) => kind === "keys").map(({ text }) => text);
      assert.deepEqual([pasted, keys.join("")], [["x\ny\tz[20"], "ab\x1b[A"]);
    }
});

test("lines typed without bracketed paste, and during an answer, are messages one after the other", async () => {
  const terminal = open(["king.safetensors"]);
  await terminal.type(PROMPT, 'one\rtwo\r"""\rthree\rfour\r"""\r/history\r/exit\r');
  assert.equal(await terminal.exit(), 0);
  const shown = (await terminal.lines()).join("\n");
  assert.match(
    shown,
    /0 user: one\n1 assistant: The king[\s\S]*2 user: two\n3 assistant[\s\S]*4 user: three\nfour\n5 assistant/,
  );
});

for (const columns of [40, 100])
  test(`words wrap at ${columns} columns`, async () => {
    const terminal = open(["king.safetensors"], columns);
    await terminal.type(PROMPT, "Tell me\r");
    await terminal.type("aloud.");
    await terminal.type(PROMPT, "\x04");
    assert.equal(await terminal.exit(), 0);
    const lines = await terminal.lines();
    const start = lines.findIndex((line) => line.startsWith("The king"));
    const answer = lines.slice(start, lines.findIndex((line) => line.endsWith("aloud.")) + 1);
    assert.equal(answer.join(" "), ANSWER, lines.join("\n"));
    assert.equal(answer.length, Math.ceil(ANSWER.length / columns), answer.join("\n"));
  });

test("wide characters, words that are too long, and spaces wrap", () => {
  const wrapped = (text: string, columns: number) => {
    const wrap = new WordWrap(() => columns);
    return [...text].map((character) => wrap.push(character)).join("") + wrap.flush();
  };
  assert.equal(wrapped("aa bb cc", 5), "aa bb\ncc");
  assert.equal(wrapped("  aa bb\n  cc", 5), "  aa\nbb\n  cc");
  assert.equal(wrapped("abcdefgh", 5), "abcde\nfgh");
  assert.equal(wrapped("日本語です", 5), "日本\n語で\nす");
  assert.equal(wrapped("e\u0301e\u0301 e", 2), "e\u0301e\u0301\ne");
  assert.equal(wrapped("ab👍🏽c", 5), "ab\n👍🏽c"); // four columns where a terminal draws the tone beside it
  assert.equal(wrapped("今天，很好。你说（是）", 6), "今天，\n很好。\n你说\n（是）");
});

test("a narrow terminal: loading, lists and the conversation are in whole words, on lines of their own", async () => {
  const terminal = open(["king.safetensors"], 40);
  await terminal.type(PROMPT, "Tell me\r");
  await terminal.type("aloud.");
  await terminal.type(PROMPT, "/help\r/set temperature 0.5\r/set\r/history\r/exit\r");
  assert.equal(await terminal.exit(), 0);
  const shown = (await terminal.lines()).join("\n");
  assert.match(shown, /^wkv: RWKV-7/, "nothing of the loading is left");
  assert.match(
    shown,
    /^\/edit \[N\] \[TEXT\] {3}change message N\n {19}\(default: your last\n {19}one\) and answer again$/m,
  );
  assert.match(shown, /^temperature {2}0\.5\ndefault {6}max-tokens,/m);
  assert.match(shown, /^1 assistant: The king had three\ndaughters, and his youngest one was so$/m);
});

test("what a model says cannot act on the terminal", async () => {
  const terminal = open(["evil.safetensors"]);
  await terminal.type(PROMPT, "Hi\r");
  await terminal.type("d");
  await terminal.type(PROMPT, "/history\r");
  await terminal.type("1 assistant");
  await terminal.type(PROMPT, "/exit\r");
  assert.equal(await terminal.exit(), 0);
  for (const raw of ["\x1b[2J", "\x9b", "\u202e"])
    assert.ok(!terminal.written.includes(raw), JSON.stringify(terminal.written));
  assert.match((await terminal.lines()).join("\n"), /a\ufffd\[2Jb\ufffd31mc\ufffdd/);
});

test("leaving, commands, Tab, and a history across runs", async () => {
  const first = open(["king.safetensors", "-q"]);
  await first.type(PROMPT, "/tok");
  await first.type("/tok", "\t");
  await first.type("ens", "\r");
  await first.type("tokens;");
  await first.type(PROMPT, "/set temperature 0.5\r/set nothing 1\r/set top-p 7\r/info\r");
  await first.type("unknown option");
  await first.type("top-p expected");
  await first.type("temperature", "a message to remember\r");
  await first.type("aloud.");
  await first.type(PROMPT, "/undo\r/history\r/continue\r");
  await first.type("there is no answer to continue");
  await first.type(PROMPT, "\x03");
  await first.type("Ctrl-C again", "\x03");
  assert.equal(await first.exit(), 0);

  const second = open(["king.safetensors", "-q"]);
  await second.type(PROMPT, "\x1b[A\x1b[A\x1b[A\x1b[A"); // /continue, /history, /undo, the message
  await second.type("a message to remember", "\x15\x04");
  assert.equal(await second.exit(), 0);

  const third = open(["king.safetensors", "-q", "--no-history"]);
  await third.type(PROMPT, "\x1b[A/quit\r");
  assert.equal(await third.exit(), 0);
  assert.doesNotMatch(third.written, /remember/);
});

test("Ctrl-C stops an answer and clears a line; /edit offers the message", async () => {
  const terminal = open(["endless.safetensors", "-n", "1000000", "--no-history"]);
  await terminal.type(PROMPT, "Hello\r");
  await terminal.type("on and on", "typed before\x03");
  await terminal.type("Ctrl-C ended the answer");
  await terminal.type(PROMPT, "forget\x03/edit\r");
  await terminal.type("> \x1b[39m\x1b[3GHello", "\x7f?\r");
  await terminal.type("on and on", "\x03");
  await terminal.type(PROMPT, "/history\r");
  await terminal.type("0 user: Hell?", "\x04");
  assert.equal(await terminal.exit(), 0);
});

test("NO_COLOR and FORCE_COLOR", async () => {
  const escapes = async (env: Record<string, string>) => {
    const terminal = open(["king.safetensors"], 80, env);
    await terminal.type(PROMPT, "Hi\r");
    await terminal.type("aloud.");
    await terminal.type(PROMPT, "\x04");
    assert.equal(await terminal.exit(), 0);
    return terminal.written.includes("\x1b[2m");
  };
  assert.equal(await escapes({}), true);
  assert.equal(await escapes({ NO_COLOR: "1" }), false);
  assert.equal(await escapes({ TERM: "dumb" }), false);
  assert.equal(await escapes({ TERM: "dumb", NO_COLOR: "1", FORCE_COLOR: "1" }), true);
});
