/** What of a model's text is thought, answer and call, however it is cut into tokens. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerReader } from "../../../host/chat/answer.ts";
import { random } from "../../support/random.ts";

const OPENINGS = ["Assistant:", "Assistant: <think", "Assistant: <think>\n</think", "Assistant: ```json"];
const FRAGMENTS = [
  "<think>",
  "</think>",
  "<thi",
  "nk>",
  "</",
  ">",
  "```json",
  "``",
  "`",
  "js",
  "{",
  "}",
  "\n",
  "\n\n",
  " ",
  "a",
  "word ",
  "日",
  "<",
  "thought",
]; // prettier-ignore

interface Read {
  text: string;
  thinking: string;
  call: string;
}

function read(
  opening: string,
  pieces: readonly string[],
  kind: { thinks: boolean; calls: boolean },
  prefill = "",
): Read {
  const reader = new AnswerReader(opening, kind, prefill);
  const parts = pieces.map((piece) => reader.push(piece));
  const { call } = reader;
  parts.push(reader.end(call !== ""));
  parts.unshift(reader.prefill);
  return {
    text: parts.map(({ text }) => text).join(""),
    thinking: parts.map(({ thinking }) => thinking).join(""),
    call,
  };
}

/** The same text in pieces of random lengths. */
function cut(text: string, next: (below: number) => number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) pieces.push(text.slice(at, (at += 1 + next(7))));
  return pieces;
}

test("20,000 texts: the parts do not depend on where the tokens end or where the answer was cut, and have no blank ends", () => {
  const next = random(5);
  for (let i = 0; i < 20_000; i++) {
    const text = Array.from({ length: next(14) }, () => FRAGMENTS[next(FRAGMENTS.length)]).join("");
    const kind = { thinks: next(2) === 1, calls: next(2) === 1 };
    const opening = OPENINGS[next(OPENINGS.length)]!;
    const whole = read(opening, [text], kind);
    assert.deepEqual(read(opening, cut(text, next), kind), whole, JSON.stringify({ opening, text, kind }));
    const at = next(text.length + 1);
    const more = read(opening, cut(text.slice(at), next), kind, text.slice(0, at));
    assert.deepEqual(more, whole, JSON.stringify({ opening, text, kind, at }));
    for (const part of [whole.text, whole.thinking]) assert.equal(part, part.trim());
    if (!kind.thinks && !kind.calls) assert.deepEqual(whole, { text: text.trim(), thinking: "", call: "" });
  }
});

test("thoughts", () => {
  const thinks = (opening: string, text: string) => {
    const { text: answer, thinking } = read(opening, [...text], { thinks: true, calls: false });
    return [thinking, answer];
  };
  assert.deepEqual(thinks("Assistant:", " <think>\nOh.\n</think>\n\nYes.\n"), ["Oh.", "Yes."]);
  assert.deepEqual(thinks("Assistant:", " Yes <think>no</think>"), ["", "Yes <think>no</think>"]);
  assert.deepEqual(thinks("Assistant: <think", ">Oh.</think>Yes."), ["Oh.", "Yes."]);
  assert.deepEqual(thinks("Assistant: <think", "> unfinished </thi"), ["unfinished </thi", ""]);
  assert.deepEqual(thinks("Assistant: <think>\n</think", ">\nYes."), ["", "Yes."]);
  assert.deepEqual(thinks("Assistant: <think>\n</think", ">\n<think>Yes."), ["", "<think>Yes."]); // one thought at most
});

test("calls", () => {
  const calls = (opening: string, text: string) => {
    const { text: answer, call } = read(opening, [...text], { thinks: true, calls: true });
    return [answer, call];
  };
  assert.deepEqual(calls("Assistant:", ' {"name": 1}'), ["", ' {"name": 1}']);
  assert.deepEqual(calls("Assistant:", " I look.\n```json\n{}\n```"), ["I look.", "```json\n{}\n```"]);
  assert.deepEqual(calls("Assistant: <think", '>Hm.</think>\n[{"name":1}]'), ["", '\n[{"name":1}]']);
  assert.deepEqual(calls("Assistant:", " [1] and {"), ["[1] and {", ""]);
  assert.deepEqual(calls("Assistant:", '\u3000{"name"'), ['{"name"', ""]);
  assert.deepEqual(calls("Assistant:", " ```js\n1\n```"), ["```js\n1\n```", ""]);
  assert.deepEqual(calls("Assistant: ```json", "\n{}"), ["", "\n{}"]);
});
