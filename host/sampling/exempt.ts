import type { Tokenizer } from "../tokenizer/tokenizer.ts";

const EXEMPT = " \t0123456789";

/**
 * The tokens that BlinkDL's pipeline does not count for the frequency penalty: those whose text is a piece of this
 * string. That is each digit, the space and the tab, and, by the nature of that test, also 01, 12 and so on.
 */
export function exemptTokens(tokenizer: Tokenizer): number[] {
  const ids: number[] = [];
  for (let from = 0; from < EXEMPT.length; from++)
    for (let to = from + 1; to <= EXEMPT.length; to++) {
      const [id, ...more] = encodeIfPossible(tokenizer, EXEMPT.slice(from, to));
      if (id !== undefined && more.length === 0) ids.push(id);
    }
  return ids;
}

/** A vocabulary of one's own need not have digits. */
function encodeIfPossible(tokenizer: Tokenizer, text: string): number[] {
  try {
    return tokenizer.encode(text);
  } catch {
    return [];
  }
}
