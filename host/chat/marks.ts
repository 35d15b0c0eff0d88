/** The marks that begin and end the parts of an answer. */

export const THOUGHT = "<think>";
export const THOUGHT_END = "</think>";
/** Opens a call, after any text. */
export const FENCE = "```json";
/** The beginning of an answer that is a call, or the first of several. */
export const BARE_CALLS = ['{"name"', '[{"name"'] as const;
/** May precede those. */
export const BLANKS = " \t\r\n";

/**
 * Where the model's text continues: at the start of an answer, in a thought, before the ">" that ends one, after the
 * fence.
 */
export type AnswerStart = "start" | "opened" | "closed" | "call";
