/**
 * How fast the tokenizers are: `npm run bench:tokenizer`. Prints the median of several runs with the lowest and the
 * highest, and asserts nothing. Reads the published vocabularies and texts where they are (WKV_GOLDEN, ../shared),
 * else measures on a vocabulary and a text made here.
 */
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadTokenizer, type Tokenizer } from "../../host/tokenizer/index.ts";
import { random } from "../support/random.ts";

const RUNS = 15;
const shared = fileURLToPath(new URL("../../../shared/", import.meta.url));
const golden = process.env.WKV_GOLDEN ?? join(shared, "golden");

/** Milliseconds of each run; the first three, which also compile, are left out. */
async function time(runs: number, work: () => unknown): Promise<number[]> {
  const times: number[] = [];
  for (let run = -3; run < runs; run++) {
    const start = performance.now();
    await work();
    if (run >= 0) times.push(performance.now() - start);
  }
  return times;
}

function print(what: string, values: number[], unit: string): void {
  const sorted = values.toSorted((a, b) => a - b).map((value) => value.toFixed(1));
  console.log(`  ${what.padEnd(14)} ${sorted[sorted.length >> 1]} ${unit}  (${sorted[0]} to ${sorted.at(-1)})`);
}

function printSpeed(what: string, bytes: number, times: number[]): void {
  const speeds = times.map((ms) => bytes / ms / 1000);
  print(what, speeds, "MB/s");
}

async function measure(file: Uint8Array, text: string, runs: number): Promise<void> {
  const start = performance.now();
  const tokenizer: Tokenizer = await loadTokenizer(file);
  const first = performance.now() - start;
  const bytes = new TextEncoder().encode(text);
  const ids = tokenizer.encode(text);
  const perToken = (bytes.length / ids.length).toFixed(2);
  console.log(
    `  ${tokenizer.kind}, ${tokenizer.vocabSize} ids, ${bytes.length} bytes of text, ${perToken} bytes a token`,
  );
  print("load, cold", [first], "ms");
  print("load, warm", await time(5, () => loadTokenizer(file)), "ms");
  printSpeed("encode text", bytes.length, await time(runs, () => tokenizer.encode(text)));
  if (tokenizer.kind === "world")
    printSpeed("encode bytes", bytes.length, await time(runs, () => tokenizer.encode(bytes)));
  for (const repeated of ["a", "日本", " "]) await measureLong(tokenizer, repeated);
  printSpeed("decode", bytes.length, await time(runs, () => tokenizer.decode(ids)));
  printSpeed("stream", bytes.length, await time(runs, () => streamAll(tokenizer, ids)));
}

/** The same speed at four times the length: time is linear in the text. */
async function measureLong(tokenizer: Tokenizer, repeated: string): Promise<void> {
  for (const count of [50_000, 200_000]) {
    const text = repeated.repeat(count);
    const size = new TextEncoder().encode(text).length;
    printSpeed(`${JSON.stringify(repeated)} × ${count / 1000}K`, size, await time(3, () => tokenizer.encode(text)));
  }
}

function streamAll(tokenizer: Tokenizer, ids: number[]): number {
  const stream = tokenizer.stream();
  let length = 0;
  for (const id of ids) length += stream.push(id).length;
  return length + stream.flush().length;
}

/** English text, or words drawn at random if there is none. */
function readText(): { origin: string; text: string } {
  for (const name of ["fairy_books.txt", "tinyshakespeare.txt"]) {
    const path = join(shared, "corpus", name);
    if (existsSync(path)) return { origin: path, text: readFileSync(path, "utf8") };
  }
  const next = random(1);
  const words = makeWords();
  const text = Array.from({ length: 500_000 }, () => words[next(words.length)]).join("");
  return { origin: "random words made here", text };
}

/** 30,000 words with the space before them, made of syllables. */
function makeWords(): string[] {
  const next = random(2);
  const syllable = () => "bcdfghklmnprstvw"[next(16)]! + "aeiou"[next(5)]! + ["", "n", "r", "st"][next(4)]!;
  return [
    ...new Set(Array.from({ length: 30_000 }, () => ` ${Array.from({ length: 1 + next(3) }, syllable).join("")}`)),
  ];
}

/** A World file of all bytes and the words above. */
function makeWorldFile(): Uint8Array {
  const hex = (byte: number) => byte.toString(16).padStart(2, "0");
  const bytes = Array.from({ length: 256 }, (_, byte) => `${byte + 1} b'\\x${hex(byte)}' 1`);
  const words = makeWords().map((word, i) => `${257 + i} '${word}' ${word.length}`);
  return new TextEncoder().encode([...bytes, ...words].join("\n"));
}

const { origin, text } = readText();
console.log(`Node ${process.version}, ${cpus()[0]?.model.trim()}, one thread; text: ${origin}`);
console.log(`Median of ${RUNS} runs (lowest to highest).`);

const world = join(golden, "tokenizer/rwkv_vocab_v20230424.txt");
const hasWorld = existsSync(world);
console.log(hasWorld ? `\n${world}` : "\na vocabulary made here (the published one is not there)");
await measure(hasWorld ? readFileSync(world) : makeWorldFile(), text, RUNS);

const neox = join(golden, "tokenizer/20B_tokenizer.json");
if (existsSync(neox)) {
  console.log(`\n${neox}`);
  await measure(readFileSync(neox), text.slice(0, 500_000), 3);
}
