import { type Metadata, type NumberList, StringList } from "../checkpoint/metadata.ts";
import { WkvError } from "../errors.ts";
import type { GreedyTokenizer } from "./greedy.ts";
import { BACKSLASH, LiteralReader } from "./literal.ts";
import { TokenTableBuilder } from "./table.ts";
import { STEPS, Turns } from "./turns.ts";
import { worldTokenizer } from "./world.ts";

/** Types of tokens that are not text: control tokens, such as the end of text, and unused ids. */
const NO_TEXT = new Set([3, 5]);

/** Keys of ids that are not text, for files without types. */
const SPECIAL_IDS = ["bos", "eos", "unknown", "padding", "separator"].map((name) => `tokenizer.ggml.${name}_token_id`);

/** Filler tokens of converters, for files without types: `[PAD65530]`. */
const FILLER = /^\[PAD\d+\]$/;

/**
 * Which ids are text: by their types, which may be integers of any size; without types, by the names of special ids.
 */
function textIds(metadata: Metadata): (id: number) => boolean {
  const types = metadata.get("tokenizer.ggml.token_type");
  if (ArrayBuffer.isView(types)) return (id) => !NO_TEXT.has(Number((types as NumberList)[id]));
  const special = new Set(SPECIAL_IDS.map((key) => metadata.get(key)));
  const tokens = metadata.get("tokenizer.ggml.tokens") as StringList;
  return (id) =>
    id !== 0 &&
    !special.has(id) &&
    !FILLER.test(LATIN1.decode(tokens.bytes.subarray(tokens.start(id), tokens.end(id))));
}

const LATIN1 = new TextDecoder("latin1");

/** Most tokens have no escapes, and are copied as they are. */
function addToken(table: TokenTableBuilder, id: number, tokens: StringList, literals: LiteralReader): void {
  const [start, end] = [tokens.start(id), tokens.end(id)];
  if (hasBackslash(tokens.bytes, start, end)) table.add(id, literals.readUnquoted(start, end));
  else table.add(id, tokens.bytes, start, end);
}

function hasBackslash(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === BACKSLASH) return true;
  return false;
}

/** Whether a GGUF's metadata has a World vocabulary. */
export function hasWorldVocabulary(metadata: Metadata): boolean {
  return metadata.get("tokenizer.ggml.model") === "rwkv" && metadata.get("tokenizer.ggml.tokens") instanceof StringList;
}

/**
 * The World vocabulary in a GGUF's metadata: a string per id, with Python's escapes for anything beyond ASCII, and a
 * type.
 * @param name of the vocabulary, for messages
 * @throws WkvError `bad-vocab`, naming the token
 */
export async function parseEmbedded(metadata: Metadata, name: string): Promise<GreedyTokenizer> {
  const tokens = metadata.get("tokenizer.ggml.tokens") as StringList;
  const isText = textIds(metadata);
  const table = new TokenTableBuilder(name);
  const literals = new LiteralReader(tokens.bytes);
  const turns = new Turns();
  for (let id = 0; id < tokens.length; id++) {
    if (id % STEPS === 0) await turns.pause();
    if (!isText(id)) continue;
    try {
      addToken(table, id, tokens, literals);
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
