import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * The ids of a prompt, in which "\0" is the end-of-text token. With the Pile vocabulary an empty line at the end
 * becomes two single line ends, as in ChatRWKV: it is encoded that way wherever text follows, and text will follow.
 */
export function encodePrompt(tokenizer: Tokenizer, text: string): number[] {
  const { endOfText } = tokenizer;
  const ids = text.split("\0").flatMap((part, i) => {
    const end = i > 0 && endOfText !== undefined ? [endOfText] : [];
    return part === "" ? end : [...end, ...tokenizer.encode(part)];
  });
  return tokenizer.kind === "neox" ? withoutFinalEmptyLine(ids, tokenizer) : ids;
}

/** 535 → 187, 187 */
function withoutFinalEmptyLine(ids: number[], tokenizer: Tokenizer): number[] {
  const [emptyLine, more] = tokenizer.encode("\n\n");
  if (more !== undefined || ids.at(-1) !== emptyLine) return ids;
  const [lineEnd] = tokenizer.encode("\n");
  return [...ids.slice(0, -1), lineEnd!, lineEnd!];
}
