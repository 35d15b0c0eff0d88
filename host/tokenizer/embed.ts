// The opposite of embedded.ts: a vocabulary as llama.cpp's converter writes it.
import { WkvError } from "../errors.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Types of tokens in a GGUF. */
const NORMAL = 1;
const CONTROL = 3;
const UNUSED = 5;

/** A string and a type for each of a model's ids. */
export interface EmbeddedTokens {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
}

/**
 * Tokens in Python's escapes; the end of text is `<s>`, and ids without a token are `[PADn]`.
 * @param size rows of the model
 * @throws WkvError `bad-vocab` for a vocabulary whose tokens are not found by the longest match
 */
export function embeddedTokens(tokenizer: Tokenizer, size: number): EmbeddedTokens {
  if (tokenizer.kind === "neox")
    throw new WkvError(
      "bad-vocab",
      "llama.cpp has no RWKV model with a vocabulary of merges: leave it out with --no-vocab (vocab: null).",
    );
  const ids = Array.from({ length: size }, (_, id) => id);
  const bytes = ids.map((id) => (id < tokenizer.vocabSize ? tokenizer.tokenBytes(id) : new Uint8Array()));
  const isEnd = (id: number) => id === tokenizer.endOfText;
  const filler = (id: number) => (isEnd(id) ? "<s>" : `[PAD${id}]`);
  return {
    tokens: bytes.map((token, id) => (token.length > 0 ? escaped(token) : filler(id))),
    types: bytes.map((token, id) => (token.length > 0 ? NORMAL : isEnd(id) ? CONTROL : UNUSED)),
  };
}

const ESCAPES = new Map([
  [9, "\\t"],
  [10, "\\n"],
  [13, "\\r"],
  [0x27, "\\'"],
  [0x5c, "\\\\"],
]);

/** The inside of a literal of Python's bytes. */
function escaped(token: Uint8Array): string {
  const text = (byte: number) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  return Array.from(token, (byte) => ESCAPES.get(byte) ?? text(byte)).join("");
}
