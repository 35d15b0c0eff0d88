import { WkvError } from "../errors.ts";
import { GreedyTokenizer } from "./greedy.ts";
import { linesOf } from "./lines.ts";
import { LiteralReader } from "./literal.ts";
import { type TokenTable, TokenTableBuilder } from "./table.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { STEPS, Turns } from "./turns.ts";

const SPACE = 0x20;

/** Whether a text file is a World vocabulary, judged by its first line. */
export function looksLikeWorldText(text: string): boolean {
  return /^\s*[0-9]+ [bBuU]?['"]/.test(text);
}

/**
 * The vocabulary of the World models: a line `ID LITERAL LENGTH` per token, such as `34550 'hello' 5`, with Python's
 * literal and the token's length in bytes. Ids may have gaps.
 * @param file UTF-8; LF or CRLF
 * @param name of the vocabulary, for messages
 * @throws WkvError `bad-vocab`, naming the line
 */
export async function parseWorldText(file: Uint8Array, name: string): Promise<GreedyTokenizer> {
  const table = new TokenTableBuilder(name);
  const literals = new LiteralReader(file);
  const turns = new Turns();
  for (const { from, to, number } of linesOf(file)) {
    if (number % STEPS === 0) await turns.pause();
    if (from === to) continue;
    try {
      addLine(table, file, literals, from, to);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new WkvError("bad-vocab", `${name}, line ${number}: ${error.message}. Fetch the file again.`);
    }
  }
  return worldTokenizer(table.build(), name);
}

/**
 * Whether a text file is a World vocabulary in the format of Hugging Face's RWKV-5 and 6 repositories, by its first
 * line.
 */
export function looksLikeWorldLines(text: string): boolean {
  return /^b(['"]).*\1\r?\n/.test(text);
}

/** The entry for the end of text, which has no text. */
const END_OF_TEXT = "<s>";

/**
 * World as `vocab.txt` of Hugging Face's repositories: Python's literal of a token per line; the line number, counted
 * from 0, is the id.
 * @param file UTF-8; LF or CRLF
 * @throws WkvError `bad-vocab`, naming the line
 */
export async function parseWorldLines(file: Uint8Array, name: string): Promise<GreedyTokenizer> {
  const table = new TokenTableBuilder(name);
  const literals = new LiteralReader(file);
  const turns = new Turns();
  for (const { from, to, number } of linesOf(file)) {
    if (number % STEPS === 0) await turns.pause();
    try {
      const token = literals.read(from, to);
      if (number > 1 || new TextDecoder().decode(token) !== END_OF_TEXT) table.add(number - 1, token);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new WkvError("bad-vocab", `${name}, line ${number}: ${error.message}. Fetch the file again.`);
    }
  }
  return worldTokenizer(table.build(), name);
}

/** Tokens may contain spaces, so the fields are split at the first and the last space. */
function addLine(table: TokenTableBuilder, file: Uint8Array, literals: LiteralReader, from: number, to: number): void {
  const first = file.indexOf(SPACE, from);
  let last = to;
  while (last > from && file[last] !== SPACE) last--;
  if (first < 0 || first >= last) throw new SyntaxError("a line is an id, a token in quotes and its length in bytes");
  const id = readInteger(file, from, first, "the id");
  const length = readInteger(file, last + 1, to, "the length");
  const token = literals.read(first + 1, last);
  if (token.length !== length)
    throw new SyntaxError(`token ${id} has ${token.length} bytes, but the line says ${length}`);
  table.add(id, token);
}

function readInteger(file: Uint8Array, from: number, to: number, what: string): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = file[i]! - 0x30;
    if (!(digit >= 0 && digit <= 9)) throw new SyntaxError(`${what} is not a whole number`);
    value = 10 * value + digit;
  }
  if (from === to) throw new SyntaxError(`${what} is missing`);
  return value;
}

/**
 * World as JSON, written by web-rwkv: `{"1": "text", "129": [128], ...}`. A token that is not UTF-8 is an array of byte
 * values.
 * @throws WkvError `bad-vocab`, naming the token
 */
export async function parseWorldJson(json: Record<string, unknown>, name: string): Promise<GreedyTokenizer> {
  const table = new TokenTableBuilder(name);
  const turns = new Turns();
  for (const [i, [key, value]] of Object.entries(json).entries()) {
    if (i % STEPS === 0) await turns.pause();
    const token = typeof value === "string" ? new TextEncoder().encode(value) : byteArray(value);
    if (!token || !/^[0-9]+$/.test(key))
      throw new WkvError(
        "bad-vocab",
        `${name}: entry "${key}" is not a whole number with a text or an array of byte values.`,
      );
    table.add(Number(key), token);
  }
  return worldTokenizer(table.build(), name);
}

/** The inverse of `parseWorldJson`: the vocabulary file of a tokenizer that has none. */
export function worldJson(tokenizer: Tokenizer): Uint8Array {
  const json: Record<string, string | number[]> = {};
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const token = tokenizer.tokenBytes(id);
    if (token.length > 0) json[id] = textOf(token) ?? [...token];
  }
  return new TextEncoder().encode(JSON.stringify(json));
}

/** Undefined if not UTF-8. */
function textOf(token: Uint8Array): string | undefined {
  try {
    return UTF8.decode(token);
  } catch {
    return undefined;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function byteArray(value: unknown): Uint8Array | undefined {
  const isByte = (x: unknown): x is number => Number.isInteger(x) && (x as number) >= 0 && (x as number) < 256;
  return Array.isArray(value) && value.every(isByte) ? Uint8Array.from(value) : undefined;
}

/** Id 0 is the end of text and has no line, unless a custom vocabulary puts a token there. */
export function worldTokenizer(table: TokenTable, name: string): Promise<GreedyTokenizer> {
  return GreedyTokenizer.make("world", table, table.lengthOf(0) === 0 ? 0 : undefined, name);
}
