import type { Metadata } from "../checkpoint/metadata.ts";
import { StringList } from "../checkpoint/metadata.ts";
import { WkvError } from "../errors.ts";
import type { GreedyTokenizer } from "./greedy.ts";
import { LiteralReader } from "./literal.ts";
import { TokenTableBuilder } from "./table.ts";
import { worldTokenizer } from "./world.ts";

/** Types of tokens that stand for no text: control characters, such as the end of text, and unused ids. */
const NO_TEXT = new Set([3, 5]);

/** Whether a GGUF's metadata holds a World vocabulary. */
export function hasWorldVocabulary(metadata: Metadata): boolean {
  return metadata.get("tokenizer.ggml.model") === "rwkv" && metadata.get("tokenizer.ggml.tokens") instanceof StringList;
}

/**
 * The World vocabulary in a GGUF's metadata: a string for each id, with Python's escapes for what is not ASCII, and a
 * type.
 * @param name of the vocabulary, for messages
 * @throws WkvError `bad-vocab` that names the token
 */
export function parseEmbedded(metadata: Metadata, name: string): GreedyTokenizer {
  const tokens = metadata.get("tokenizer.ggml.tokens") as StringList;
  const types = metadata.get("tokenizer.ggml.token_type");
  const table = new TokenTableBuilder(name);
  const literals = new LiteralReader(tokens.bytes);
  for (let id = 0; id < tokens.length; id++) {
    if (types instanceof Int32Array && NO_TEXT.has(types[id]!)) continue;
    try {
      table.add(id, literals.readUnquoted(tokens.start(id), tokens.end(id)));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new WkvError(
        "bad-vocab",
        `${name}, token ${id}: ${error.message}. Give the vocabulary as a file (--vocab).`,
      );
    }
  }
  return worldTokenizer(table.build(), name);
}
