import { kindOf } from "../options/names.ts";
import { cleanText } from "../prompt/clean.ts";

/** The format's mark, and the flower that replaces it if it occurs in the text. */
const MARK = "✿";
const OTHER = "❀";

/**
 * Give it as `stop` where the middle is generated.
 * @example
 * const options = { stop: FILL_STOP, maxTokens: 5 };
 * for await (const { text } of session.generate(fillPrompt("A king ", " the sea."), options)) console.log(text);
 */
export const FILL_STOP: readonly string[] = [MARK];

/**
 * The prompt for the text between two others, for models trained to fill in the middle:
 * `session.generate(fillPrompt(before, after), { stop: FILL_STOP })`.
 * @example
 * console.log(fillPrompt("A king ", " the sea."));
 */
export function fillPrompt(before: string, after: string): string {
  for (const [name, text] of Object.entries({ before, after }))
    if (typeof text !== "string") throw new TypeError(`"${name}" expected a text, got ${kindOf(text)}`);
  const [prefix, suffix] = [before, after].map((text) => cleanText(text).replaceAll(MARK, OTHER));
  return `${MARK}prefix${MARK}${MARK}suffix${MARK}${suffix}${MARK}middle${MARK}${prefix}`;
}
