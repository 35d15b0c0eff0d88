import { type Choices, EDGES } from "./choices.ts";
import { mutateBytes } from "./mutate-bytes.ts";

const PIECES = [
  "\\",
  "'",
  '"',
  "\\x",
  "\\u12",
  "\\U0011ffff",
  "\\ud800",
  " ",
  "\r",
  "\u0000",
  "\\777",
  "\\N{DASH}",
  "é",
];

/** One to four changed lines of a text file. @param extra lines of the format that are wrong in themselves */
export function mutateLines(source: string, extra: readonly string[], choose: Choices): Uint8Array {
  const lines = source.split("\n");
  choose.times(4, () => changeLine(lines, choose.int(lines.length), extra, choose));
  const bytes = new TextEncoder().encode(lines.join(choose.chance(0.1) ? "\r\n" : "\n"));
  return choose.chance(0.2) ? mutateBytes(bytes, choose, bytes.length) : bytes;
}

function changeLine(lines: string[], at: number, extra: readonly string[], choose: Choices): void {
  const line = lines[at] ?? "";
  const other = choose.int(lines.length);
  const cut = choose.int(line.length + 1);
  choose.pick([
    () => lines.splice(at, 1),
    () => lines.splice(at, 0, choose.pick(extra)),
    () => lines.splice(at, 1, line.slice(0, cut)),
    () => lines.splice(at, 1, line.slice(0, cut) + choose.pick(PIECES) + line.slice(cut)),
    () => lines.splice(at, 1, line.replace(/\d+/, String(choose.pick(EDGES)))),
    () => lines.splice(at, 1, lines[other] ?? ""),
    () => lines.splice(at, 0, line.repeat(1 + choose.int(2000))),
  ])();
}

/** Changes of a program's text, token by token. @param tokens of its language, to be put in */
export function mutateTokens(source: string, tokens: readonly string[], choose: Choices): string {
  const parts = source.split(/(\{\{|\}\}|\{%|%\}|\w+|\W)/).filter(Boolean);
  choose.times(6, () => {
    const at = choose.int(parts.length);
    const other = choose.int(parts.length);
    choose.pick([
      () => parts.splice(at, 1),
      () => parts.splice(at, 0, " ", choose.pick(tokens), " "),
      () => parts.splice(at, 1, choose.pick(tokens)),
      () => parts.splice(at, 0, ...parts.slice(other, other + 5)),
    ])();
  });
  const text = parts.join("");
  return choose.chance(0.02) ? text.repeat(choose.pick([10, 500])) : text;
}
