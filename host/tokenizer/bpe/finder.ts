import type { PatternJson } from "./json.ts";
import { Pattern, type Work } from "./pattern.ts";

/** Finds a pattern in a text: the bounds of its matches, from left to right. */
export type Finder = (text: string, work: Work) => Iterable<readonly [start: number, end: number]>;

/** GPT-2's pattern, which `ByteLevel` has built in. */
export const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const WORD = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const MARKS_AND_SPACE = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|";
/** The same where JavaScript has no (?i:); the long s is an s. */
const ENDINGS_OF_ANY_CASE = "'(?:[sS\\u017f]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])|";

/** Patterns of published tokenizers that take linear time everywhere: JavaScript runs them ten times as fast. */
const LINEAR = new Map(
  [
    [GPT2_PATTERN, GPT2_PATTERN],
    ...["\\p{N}{1,3}", "\\p{N}"].map((digits) => [
      `${ENDINGS}${WORD}|${digits}${MARKS_AND_SPACE}`,
      `${ENDINGS_OF_ANY_CASE}${WORD}|${digits}${MARKS_AND_SPACE}`,
    ]),
  ].map(([source = "", ours = ""]) => [source, unicodeSpaces(ours)]),
);

/** White space as Oniguruma has it: Unicode's, with U+0085 and without U+FEFF. */
function unicodeSpaces(source: string): RegExp {
  return new RegExp(source.replaceAll("\\s", "\\p{White_Space}").replaceAll("\\S", "\\P{White_Space}"), "gu");
}

/** @throws SyntaxError for a pattern that is damaged or not known */
export function finder({ Regex, String: text }: PatternJson): Finder {
  if (typeof text === "string") return plainFinder(text);
  if (typeof Regex !== "string") throw new SyntaxError("a pattern is missing");
  const linear = LINEAR.get(Regex);
  if (linear) return (subject) => nativeMatches(subject, linear);
  const pattern = new Pattern(Regex);
  return (subject, work) => pattern.matches(subject, work);
}

function* nativeMatches(text: string, expression: RegExp) {
  for (const { 0: match, index } of text.matchAll(expression)) yield [index, index + match.length] as const;
}

function plainFinder(wanted: string): Finder {
  if (wanted === "") throw new SyntaxError("a pattern is empty");
  return function* (text) {
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length))
      yield [at, at + wanted.length] as const;
  };
}
