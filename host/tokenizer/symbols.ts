import { WkvError } from "../errors.ts";
import { GreedyTokenizer } from "./greedy.ts";
import { TokenTableBuilder } from "./table.ts";

/** Longer lines are prose or data, not symbols. World's longest token has 128 bytes. */
const MAX_LENGTH = 256;

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", s: " ", "\\": "\\" };

/** A byte (group 1), a backslash and one letter (group 2), or plain text. */
const PARTS = /\\x([0-9a-fA-F]{2})|\\(.?)|[^\\]+/gs;

/**
 * A simple format for small models: UTF-8 text, one symbol per line; a symbol's id is its line number, counted
 * from 0.
 *
 * - A symbol may be longer than a character; the longest match is taken.
 * - `\n` `\r` `\t` `\\` are as in C, `\s` is a space (a bare space works too, but editors
 *   strip spaces at the end of a line), `\xNN` is one byte. Any other backslash is an error.
 * - Lines end in LF or CRLF. No line is empty, no two are equal, and none is longer than 256 characters.
 *
 * A vocabulary for sums, for example, is the 12 lines `0` to `9`, `+` and `\n`.
 * @throws WkvError `bad-vocab`, naming the line
 */
export function parseSymbols(text: string, name: string): Promise<GreedyTokenizer> {
  const table = new TokenTableBuilder(name);
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  lines.forEach((line, id) => {
    try {
      table.add(id, symbolBytes(line.endsWith("\r") ? line.slice(0, -1) : line));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new WkvError(
        "bad-vocab",
        `${name}, line ${id + 1}: ${error.message}. (It was read as a file with one symbol per line: ` +
          "it is neither a World vocabulary nor a tokenizer.json.)",
      );
    }
  });
  return GreedyTokenizer.make("symbols", table.build(), undefined, name);
}

/** Bytes rather than text, because `\xNN` may be part of a character. */
function symbolBytes(line: string): Uint8Array {
  if (line === "") throw new SyntaxError("an empty symbol");
  if (line.length > MAX_LENGTH) throw new SyntaxError(`a symbol of ${line.length} characters`);
  const bytes: number[] = [];
  for (const [part, hex, letter] of line.matchAll(PARTS)) {
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else bytes.push(...new TextEncoder().encode(letter === undefined ? part : characterOf(letter)));
  }
  return Uint8Array.from(bytes);
}

function characterOf(letter: string): string {
  const character = ESCAPES[letter];
  if (character === undefined)
    throw new SyntaxError(`\\${letter} is not an escape (there are \\n \\r \\t \\s \\\\ and \\xNN)`);
  return character;
}
