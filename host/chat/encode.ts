import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * The ids of a prompt's text, in which "\0" is the token that ends a text. An empty line at the end becomes two tokens of
 * one line end each with the Pile's vocabulary, as ChatRWKV does it: that is what it is wherever text follows, and text
 * will follow.
 * @example
 * const { history, opening } = templates.world.prompt([{ role: "user", content: "Hello" }]);
 * console.log(encodePrompt(model.tokenizer, history + opening));
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
