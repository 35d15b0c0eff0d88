/** What parts of an answer begin and end with. */

export const THOUGHT = "<think>";
export const THOUGHT_END = "</think>";
/** Opens a call, after any text. */
export const FENCE = "```json";
/** The same where an answer begins: one call, or the first of several. */
export const BARE_CALLS = ['{"name"', '[{"name"'] as const;
/** May come before those. */
export const BLANKS = " \t\r\n";

/** Where the model's text goes on: where an answer begins, in a thought, before the ">" that ends one, after the fence. */
export type AnswerStart = "start" | "opened" | "closed" | "call";
