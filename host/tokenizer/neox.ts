import type { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { WkvError } from "../errors.ts";
import { type TokenTable, TokenTableBuilder } from "./table.ts";
import { inputBytes, missingByte, TableTokenizer } from "./tokenizer.ts";

/** The parts of a Hugging Face tokenizer.json used here; the rest is for their library. */
interface TokenizerJson {
  model: { type: string; vocab: Record<string, number> };
  decoder: { type: string } | null;
  added_tokens?: { id: number; content: string }[];
}

const END_OF_TEXT = "<|endoftext|>";

/** Whether parsed JSON is a tokenizer.json at all. */
export function looksLikeTokenizerJson(json: Record<string, unknown>): boolean {
  return typeof json.model === "object" && json.model !== null;
}

/**
 * Byte-level BPE from a tokenizer.json, as used by the Pile models (GPT-NeoX, 50,277 ids). Text is normalised to NFC
 * before encoding, so `decode` may return other code points than were encoded. Special tokens are text here, both ways:
 * `<|endoftext|>` encodes to id 0 and id 0 decodes to it.
 */
class NeoxTokenizer extends TableTokenizer {
  readonly kind = "neox";
  readonly #bpe: HuggingFaceTokenizer;
  /** Whether every byte has a token. The library silently drops bytes without one. */
  readonly #hasAllBytes: boolean;

  constructor(table: TokenTable, bpe: HuggingFaceTokenizer) {
    super(table, bpe.token_to_id(END_OF_TEXT));
    this.#bpe = bpe;
    this.#hasAllBytes = byteAlphabet().every((character) => bpe.token_to_id(character) !== undefined);
  }

  /** @throws RangeError for bytes that are not UTF-8 */
  encode(input: string | Uint8Array): number[] {
    const text = typeof input === "string" ? input : decodeInput(inputBytes(input));
    const { ids } = this.#bpe.encode(text, { add_special_tokens: false });
    if (!this.#hasAllBytes) this.#checkComplete(text, ids);
    return ids;
  }

  #checkComplete(text: string, ids: number[]): void {
    const expected = inputBytes(this.#bpe.normalizer?.normalize(text) ?? text);
    const encoded = this.decodeBytes(ids);
    const at = expected.findIndex((byte, i) => byte !== encoded[i]);
    if (at >= 0) throw missingByte(expected, at);
  }
}

/**
 * Loads `@huggingface/tokenizers` (100 KB) on demand: only this kind of vocabulary needs it.
 * @param json a parsed tokenizer.json
 * @param name of the vocabulary, for messages
 * @throws WkvError `bad-vocab` for a tokenizer that is not byte-level BPE, or damaged
 */
export async function parseTokenizerJson(json: Record<string, unknown>, name: string): Promise<TableTokenizer> {
  const { model, decoder, added_tokens } = json as unknown as TokenizerJson;
  if (model.type !== "BPE" || decoder?.type !== "ByteLevel")
    throw new WkvError(
      "bad-vocab",
      `${name} is a tokenizer.json with a ${model.type} model and a ${decoder?.type ?? "missing"} decoder; ` +
        "only byte-level BPE is supported (as in GPT-NeoX's 20B_tokenizer.json).",
    );
  const { Tokenizer } = await import("@huggingface/tokenizers");
  try {
    return new NeoxTokenizer(tableOf(model.vocab, added_tokens ?? [], name), new Tokenizer(withWhiteSpace(json), {}));
  } catch (error) {
    if (error instanceof WkvError) throw error;
    throw new WkvError("bad-vocab", `${name} is a damaged tokenizer.json: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** GPT-2's pattern, which the library builds in for ByteLevel, with Unicode's white space. */
const BYTE_LEVEL_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * White space as in Hugging Face's Rust library: Unicode's, with U+0085 and without U+FEFF. Its JavaScript library uses
 * JavaScript's \\s, which is a different set.
 */
function withWhiteSpace(json: Record<string, unknown>): Record<string, unknown> {
  return json.pre_tokenizer ? { ...json, pre_tokenizer: spaced(json.pre_tokenizer as PreTokenizer) } : json;
}

interface PreTokenizer {
  readonly type: string;
  readonly pretokenizers?: readonly PreTokenizer[];
  readonly pattern?: { readonly Regex?: string };
  readonly use_regex?: boolean;
  readonly add_prefix_space?: boolean;
}

function spaced(given: PreTokenizer): PreTokenizer {
  const { type, pretokenizers, pattern } = given;
  if (Array.isArray(pretokenizers)) return { ...given, pretokenizers: pretokenizers.map(spaced) };
  if (typeof pattern?.Regex === "string") return { ...given, pattern: { Regex: unicodeSpaces(pattern.Regex) } };
  // With a prefix space the library changes the text before it splits it.
  if (type !== "ByteLevel" || given.use_regex === false || given.add_prefix_space) return given;
  const split = { type: "Split", pattern: { Regex: unicodeSpaces(BYTE_LEVEL_PATTERN) }, behavior: "Isolated" };
  return { type: "Sequence", pretokenizers: [split, { ...given, use_regex: false }] };
}

function unicodeSpaces(regex: string): string {
  const classes: Record<string, string> = { "\\s": "\\p{White_Space}", "\\S": "\\P{White_Space}" };
  return regex.replace(/\\./gsu, (escaped) => classes[escaped] ?? escaped);
}

/** An added token overrides an entry with the same id, and is plain text, while the others use the byte alphabet. */
function tableOf(
  vocab: TokenizerJson["model"]["vocab"],
  added: NonNullable<TokenizerJson["added_tokens"]>,
  name: string,
): TokenTable {
  const table = new TokenTableBuilder(name);
  for (const { id, content } of added) table.add(id, inputBytes(content));
  const addedIds = new Set(added.map((token) => token.id));
  const byteOf = new Map(byteAlphabet().map((character, byte) => [character, byte]));
  for (const [token, id] of Object.entries(vocab)) {
    if (addedIds.has(id)) continue;
    const bytes = Array.from(token, (character) => byteOf.get(character));
    if (bytes.includes(undefined))
      throw new WkvError("bad-vocab", `${name}: token ${id}, "${token}", is not in the byte-level alphabet.`);
    table.add(id, Uint8Array.from(bytes as number[]));
  }
  return table.build();
}

/**
 * `[256]` the character that byte-level BPE writes for each byte: printable Latin-1 as itself, the other 68 bytes, in
 * order, as the code points from 256 on.
 */
function byteAlphabet(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCharCode(printable ? byte : next++);
  });
}

function decodeInput(bytes: Uint8Array): string {
  try {
    // A copy: TextDecoder may refuse shared memory.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes));
  } catch {
    throw new RangeError('"input" expected valid UTF-8 (a NeoX vocabulary encodes text only), got other bytes');
  }
}
