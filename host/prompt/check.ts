import { FORMATS, isTemplateName, type SpeakerFormat, type TemplateName } from "./formats.ts";
import { RULES, readLabels, type Spot } from "./rules.ts";

/** A deviation of a prompt from what the model has seen in training. */
export interface Finding extends Spot {
  /** For example "blank-line-in-turn". */
  readonly rule: string;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
}

/** More rounds of fixes than any text needs: each round fixes what the previous one exposed. */
const MAX_ROUNDS = 100;

/**
 * Everything in a prompt that breaks the model's format, in text order.
 * @param template the format: "raven", "world" (the default) or "g1"
 * @throws TypeError, RangeError
 * @example
 * for (const { line, rule, message } of checkPrompt("User : hi")) console.log(line, rule, message);
 */
export function checkPrompt(text: string, template: TemplateName = "world"): Finding[] {
  const format = formatOf(text, template);
  const labels = readLabels(text, format);
  const found = RULES.flatMap(({ rule, find }) => find(text, format, labels).map((spot) => ({ ...spot, rule })));
  found.sort((a, b) => a.index - b.index || b.length - a.length);
  return withLines(text, found);
}

/**
 * The prompt with everything fixed that can be; `checkPrompt` still reports the rest.
 * @example
 * console.log(fixPrompt("User : hi\n\nAssistant: "));
 */
export function fixPrompt(text: string, template: TemplateName = "world"): string {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const fixed = applyFixes(text, checkPrompt(text, template));
    if (fixed === text) break;
    text = fixed;
  }
  return text;
}

function formatOf(text: unknown, template: unknown): SpeakerFormat {
  if (typeof text !== "string") throw new TypeError(`"text" expected a text, got ${typeof text}`);
  if (isTemplateName(template)) return FORMATS[template];
  throw new RangeError(`"template" expected ${Object.keys(FORMATS).join(", ")}, got ${JSON.stringify(template)}`);
}

/** Of adjacent findings the first is fixed; the next round handles the others. */
function applyFixes(text: string, findings: readonly Finding[]): string {
  let out = "";
  let at = 0;
  for (const { index, length, replacement } of findings) {
    if (replacement === undefined || index < at) continue;
    out += text.slice(at, index) + replacement;
    at = index + length;
  }
  return out + text.slice(at);
}

function withLines(text: string, found: readonly Omit<Finding, "line" | "column">[]): Finding[] {
  let line = 1;
  let start = 0;
  return found.map((each) => {
    for (let end = text.indexOf("\n", start); end >= 0 && end < each.index; end = text.indexOf("\n", start)) {
      line++;
      start = end + 1;
    }
    return { ...each, line, column: each.index - start + 1 };
  });
}
