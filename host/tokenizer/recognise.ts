import { WkvError } from "../errors.ts";
import { textBytes } from "../source/text.ts";
import { parseSymbols } from "./symbols.ts";
import type { TableTokenizer } from "./tokenizer.ts";
import { looksLikeWorldLines, looksLikeWorldText, parseWorldJson, parseWorldLines, parseWorldText } from "./world.ts";

/**
 * Creates a tokenizer from the contents of a vocabulary file. The format is detected: World text, World as lines of
 * literals or as JSON, a Hugging Face tokenizer.json, or else one symbol per line.
 * @param file not in shared memory
 * @param name of the vocabulary, for messages
 * @throws WkvError `bad-vocab`
 */
export async function parseTokenizer(file: Uint8Array, name: string): Promise<TableTokenizer> {
  const bytes = textBytes(file);
  const text = decodeFile(bytes, name);
  if (looksLikeWorldText(text)) return parseWorldText(bytes, name);
  if (looksLikeWorldLines(text)) return parseWorldLines(bytes, name);
  const json = parseObject(text, name);
  if (!json) return parseSymbols(text, name);
  if (typeof json.model !== "object" || json.model === null) return parseWorldJson(json, name);
  const { parseTokenizerJson } = await import("./neox.ts"); // World models need none of it
  return parseTokenizerJson(json, name);
}

function decodeFile(file: Uint8Array, name: string): string {
  if (file.length === 0) throw new WkvError("bad-vocab", `${name} is empty.`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(file);
  } catch {
    throw new WkvError(
      "bad-vocab",
      `${name} is not UTF-8 text, so it is not a vocabulary. Supported: World vocabularies (rwkv_vocab_v20230424.txt), ` +
        "tokenizer.json files, and files with one symbol per line.",
    );
  }
}

/** A file of symbols may begin with the symbol `{`, so invalid JSON is an error only if it was meant to be JSON. */
function parseObject(text: string, name: string): Record<string, unknown> | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/^\s*\{\s*"[^"\n]*"\s*:/.test(text)) return undefined;
    const reason = (error as Error).message;
    throw new WkvError("bad-vocab", `${name} is truncated or damaged JSON (${reason}): fetch it again.`);
  }
}
