/**
 * What a constraint costs: `npm run bench:constraint`. Texts are made with random logits over the World vocabulary where
 * it is (WKV_GOLDEN, ../shared), else over 30,000 words made here. Prints and asserts nothing.
 *
 * For each constraint: `made` is `createConstraint`; `first` is the mean token of the first text, with nothing computed
 * beforehand, and `worst` its slowest; `later` is the median token in the texts after that, and `p99` its 99th percentile.
 * A token is `mask` and `accept`.
 */
import { cpus } from "node:os";
import { type ConstraintSource, createConstraint } from "../../host/constraint/index.ts";
import { vocabularyOf } from "../../host/constraint/vocabulary.ts";
import { loadTokenizer, type Tokenizer } from "../../host/tokenizer/index.ts";
import { worldTokenizer } from "../support/constrained-text.ts";
import { random } from "../support/random.ts";

const TEXTS = 12;
const MOST_TOKENS = 100;

const text = (maxLength?: number) => ({ type: "string", ...(maxLength ? { maxLength } : {}) });
const SOURCES: Record<string, ConstraintSource> = {
  "3 choices": { choices: ["yes", "no", "perhaps"] },
  "regex, a date": { regex: "\\d{4}-\\d{2}-\\d{2}" },
  "regex, words": { regex: "[A-Z][a-z]+( [a-z]+)*\\." },
  "regex, any text": { regex: ".*" },
  "any JSON": { schema: true },
  person: {
    schema: {
      type: "object",
      properties: {
        name: text(),
        age: { type: "integer", minimum: 0, maximum: 130 },
        email: { type: "string", format: "email" },
      },
      required: ["name", "age", "email"],
    },
  },
  "lengths, 20 to 2000": {
    schema: {
      type: "object",
      properties: { id: text(20), title: text(200), body: text(2000) },
      required: ["id", "title", "body"],
    },
  },
  "30 properties": {
    schema: {
      type: "object",
      properties: Object.fromEntries(
        Array.from({ length: 30 }, (_, i) => [`property${i}`, i % 2 ? text() : { type: "number" }]),
      ),
    },
  },
  "a tree": {
    schema: {
      $ref: "#/$defs/node",
      $defs: {
        node: {
          type: "object",
          properties: { value: text(), kids: { type: "array", items: { $ref: "#/$defs/node" } } },
          required: ["value", "kids"],
        },
      },
    },
  },
  "pattern and length": { schema: { type: "string", pattern: "^[A-Z][a-z ]+$", minLength: 10, maxLength: 60 } },
  "ambiguous: .*a.{12}": { regex: ".*a.{12}" },
};

/** Words of syllables, and all bytes. */
function madeHere(): Promise<Tokenizer> {
  const next = random(2);
  const syllable = () => "bcdfghklmnprstvw"[next(16)]! + "aeiou"[next(5)]! + ["", "n", "r", "st"][next(4)]!;
  const words = new Set(
    Array.from({ length: 30_000 }, () => ` ${Array.from({ length: 1 + next(3) }, syllable).join("")}`),
  );
  const bytes = Array.from({ length: 256 }, (_, byte) => `${byte + 1} b'\\x${byte.toString(16).padStart(2, "0")}' 1`);
  const lines = [...bytes, ...[...words].map((word, i) => `${257 + i} '${word}' ${word.length}`)];
  return loadTokenizer(new TextEncoder().encode(lines.join("\n")));
}

/** Milliseconds of each token of a text. */
function writeText(
  constraint: ReturnType<typeof createConstraint>,
  base: Float32Array,
  endOfText: number | undefined,
  next: (below: number) => number,
) {
  const times: number[] = [];
  const row = new Float32Array(base.length);
  while (!constraint.finished && times.length < MOST_TOKENS) {
    const turn = next(base.length);
    row.set(base.subarray(turn));
    row.set(base.subarray(0, turn), base.length - turn);
    const start = performance.now();
    constraint.mask(row, MOST_TOKENS - times.length);
    const masked = performance.now();
    let best = 0;
    for (let id = 1; id < row.length; id++) if (row[id]! > row[best]!) best = id;
    if (best === endOfText) break;
    const chosen = performance.now();
    constraint.accept(best);
    times.push(masked - start + performance.now() - chosen);
  }
  return times;
}

const heap = () => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
};
const ms = (value: number) => value.toFixed(value < 10 ? 2 : 0).padStart(7);

const tokenizer = (await worldTokenizer()) ?? (await madeHere());
console.log(`Node ${process.version}, ${cpus()[0]?.model.trim()}; ${tokenizer.kind}, ${tokenizer.vocabSize} ids`);
let before = heap();
const start = performance.now();
const vocabulary = vocabularyOf(tokenizer);
const took = performance.now() - start;
console.log(
  `tree of the vocabulary, once: ${took.toFixed(0)} ms, ${vocabulary.size} nodes, ${(heap() - before).toFixed(1)} MB`,
);
console.log(`\n${"milliseconds".padEnd(22)}   made    first  worst    later     p99   tokens      MB`);
const next = random(5);
const base = Float32Array.from({ length: tokenizer.vocabSize }, () => next(1_000_000) / 1_000_000);
for (const [name, source] of Object.entries(SOURCES)) {
  before = heap();
  const start = performance.now();
  const constraint = createConstraint(tokenizer, source);
  const made = performance.now() - start;
  const texts = Array.from({ length: TEXTS }, () => writeText(constraint.fork(), base, tokenizer.endOfText, next));
  const first = texts[0] ?? [];
  const later = texts
    .slice(1)
    .flat()
    .sort((a, b) => a - b);
  const mean = first.reduce((a, b) => a + b, 0) / first.length;
  const at = (share: number) => later[Math.floor(share * (later.length - 1))] ?? 0;
  console.log(
    `${name.padEnd(22)}${ms(made)}  ${ms(mean)}${ms(Math.max(...first))}  ${ms(at(0.5))} ${ms(at(0.99))}  ${String(first.length + later.length).padStart(6)}${(heap() - before).toFixed(1).padStart(8)}`,
  );
}
