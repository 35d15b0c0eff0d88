/** Cleans a text before it is put into a prompt, so that it cannot add turns or speakers. */

/**
 * Every line separator becomes "\n"; other control characters are removed, including "\0", which means end of text in a
 * prompt. Names in `<|...|>`, special tokens in many vocabularies, are broken up by a space.
 */
export function cleanText(text: string): string {
  return text
    .replace(/\r\n|[\r\v\f\u0085\u2028\u2029]/g, "\n")
    .replace(/[^\P{Cc}\n\t]/gu, "")
    .replace(/<\|(?=[\w-]+\|>)/g, "< |");
}

/**
 * The clean-up that the authors prescribe for what users and systems say: line ends, no blank lines, no blank ends. Lines
 * of nothing but spaces are blank here too.
 * @example
 * console.log(cleanTurn("Two lines\r\n\r\n of one turn  "));
 */
export function cleanTurn(text: string): string {
  return trim(cleanText(text).replace(/\n[\s\p{Cf}]*\n/gu, "\n"));
}

/**
 * The same for an answer, which may have paragraphs.
 * @example
 * console.log(cleanAnswer("Two paragraphs\r\n\r\nof one answer  "));
 */
export function cleanAnswer(text: string): string {
  return trim(cleanText(text));
}

/**
 * Puts a space between a speaker's name and its colon at the beginning of a line: "User: hi" is then quoted text, not a
 * turn. The letters are unchanged, and the tokens "User" ":" occur only in real turns.
 */
export function withoutSpeakers(text: string, names: readonly string[]): string {
  if (names.length === 0) return text;
  return text.replace(new RegExp(`^(?:[^\\S\\n]|\\p{Cf})*(?:${anyOf(names)})\\p{Cf}*(?=[:：])`, "gimu"), "$& ");
}

/**
 * Puts a space after the first character of a line that is nothing but a marker: "### Response" is then no turn. Inside,
 * because templates trim the ends.
 */
export function withoutMarkers(text: string, markers: readonly string[]): string {
  if (markers.length === 0) return text;
  const blank = "(?:[^\\S\\n]|\\p{Cf})*";
  const line = new RegExp(`^(${blank})(?=(?:${anyOf(markers)})${blank}$)(.)`, "gimu");
  return text.replace(line, "$1$2 ");
}

/** A pattern for any of these texts. */
function anyOf(texts: readonly string[]): string {
  return texts.map((each) => each.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|");
}

/** Without spaces, line ends and invisible characters at both ends. A loop: a regular expression is quadratic here. */
export function trim(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text[from]!)) from++;
  while (to > from && isBlank(text[to - 1]!)) to--;
  return text.slice(from, to);
}

export function isBlank(character: string): boolean {
  return /[\s\p{Cf}]/u.test(character);
}
