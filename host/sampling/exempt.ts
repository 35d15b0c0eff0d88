import type { Tokenizer } from "../tokenizer/tokenizer.ts";

const EXEMPT = " \t0123456789";

/**
 * The tokens that BlinkDL's pipeline does not count for the frequency penalty: those whose text is a substring of this
 * string. These are the digits, space and tab and, as a side effect of that test, also 01, 12 and so on.
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

/** A custom vocabulary may have no digits. */
function encodeIfPossible(tokenizer: Tokenizer, text: string): number[] {
  try {
    return tokenizer.encode(text);
  } catch {
    return [];
  }
}
