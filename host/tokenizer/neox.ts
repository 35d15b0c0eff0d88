import { WkvError } from "../errors.ts";
import { AddedTokens } from "./bpe/added-tokens.ts";
import type { AddedTokenJson, TokenizerJson } from "./bpe/json.ts";
import { Merges } from "./bpe/merges.ts";
import { type Normalizer, normalizer } from "./bpe/normalizer.ts";
import { Work } from "./bpe/pattern.ts";
import { type PreTokenizer, preTokenizer } from "./bpe/pre-tokenizer.ts";
import { type TokenTable, TokenTableBuilder } from "./table.ts";
import { inputBytes, missingByte, TableTokenizer } from "./tokenizer.ts";

const END_OF_TEXT = "<|endoftext|>";
/** Steps of patterns for a text, and for each of its characters: published ones take some fifty. */
const MAX_WORK = 1_000_000;
const MAX_WORK_EACH = 400;

/** How a text is cut into pieces before they are encoded. */
interface Cuts {
  /** Added tokens that are looked for in the text as it is, and in the normalised one. */
  readonly added: AddedTokens;
  readonly addedNormalized: AddedTokens;
  readonly normalize: Normalizer;
  readonly preTokenize: PreTokenizer;
}

/**
 * Byte-level BPE from a tokenizer.json, as the Pile models use it (GPT-NeoX, 50,277 ids), with the results of Hugging
 * Face's library. Text is normalised (GPT-NeoX: NFC) before it is encoded, so `decode` may give other code points back
 * than went in. Special tokens are text here, both ways: `<|endoftext|>` encodes to id 0 and id 0 decodes to it.
 */
class NeoxTokenizer extends TableTokenizer {
  readonly kind = "neox";
  readonly #name: string;
  readonly #cuts: Cuts;
  readonly #merges: Merges;
  /** `[256]` the token of each byte, or undefined. */
  readonly #idOfByte: readonly (number | undefined)[];
  readonly #idOfPiece: ReadonlyMap<string, number> | undefined;

  /** @throws SyntaxError for what is damaged or not supported */
  constructor(json: TokenizerJson, table: TokenTable, name: string) {
    const { model, added_tokens: added = [] } = json;
    const idOf = new Map(Object.entries(model.vocab));
    super(table, added.findLast(({ content }) => content === END_OF_TEXT)?.id ?? idOf.get(END_OF_TEXT));
    this.#name = name;
    this.#cuts = cutsOf(json, name);
    this.#merges = new Merges(model, idOf);
    this.#idOfByte = BYTE_ALPHABET.map((character) => idOf.get(character));
    this.#idOfPiece = model.ignore_merges ? idOf : undefined;
  }

  /**
   * @throws RangeError for bytes that are not UTF-8
   * @throws WkvError `bad-vocab` also when the file's patterns take too long
   */
  encode(input: string | Uint8Array): number[] {
    const text = decodeInput(inputBytes(input)); // a string too: lone surrogates become U+FFFD
    const ids: number[] = [];
    try {
      this.#encodeText(text, ids);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new WkvError(
        "bad-vocab",
        `${this.#name} has patterns that take too long on this text: shorten the text, or use another vocabulary.`,
      );
    }
    return ids;
  }

  #encodeText(text: string, ids: number[]): void {
    const { added, addedNormalized, normalize, preTokenize } = this.#cuts;
    const work = new Work(MAX_WORK + MAX_WORK_EACH * text.length);
    for (const part of added.split(text)) {
      if (typeof part === "number") ids.push(part);
      else
        for (const inner of addedNormalized.split(normalize(part, work))) {
          if (typeof inner === "number") ids.push(inner);
          else for (const piece of preTokenize([inner], work)) this.#encodePiece(piece, ids);
        }
    }
  }

  #encodePiece(piece: string, ids: number[]): void {
    const whole = this.#idOfPiece?.get(byteCharacters(piece));
    if (whole !== undefined) ids.push(whole);
    else for (const id of this.#merges.encode(piece, () => this.#bytesOf(piece))) ids.push(id);
  }

  /** The tokens of the bytes. */
  #bytesOf(piece: string): number[] {
    const bytes = inputBytes(piece);
    return Array.from(bytes, (byte, at) => {
      const id = this.#idOfByte[byte];
      if (id === undefined) throw missingByte(bytes, at);
      return id;
    });
  }
}

function cutsOf(json: TokenizerJson, name: string): Cuts {
  const normalize = normalizer(json.normalizer);
  const tokens = json.added_tokens ?? [];
  const isNormalized = ({ normalized, special }: AddedTokenJson) => normalized ?? !special;
  return {
    added: new AddedTokens(
      tokens.filter((token) => !isNormalized(token)),
      ({ content }) => content,
      name,
    ),
    addedNormalized: new AddedTokens(
      tokens.filter(isNormalized),
      ({ content }) => normalize(content, new Work(MAX_WORK)),
      name,
    ),
    normalize,
    preTokenize: preTokenizer(json.pre_tokenizer),
  };
}

/**
 * @param json a parsed tokenizer.json
 * @param name of the vocabulary, for messages
 * @throws WkvError `bad-vocab` for a tokenizer that is not byte-level BPE, or damaged
 */
export function parseTokenizerJson(json: Record<string, unknown>, name: string): TableTokenizer {
  const given = json as unknown as TokenizerJson;
  const { model, decoder, added_tokens: added = [] } = given;
  if (model.type !== "BPE" || decoder?.type !== "ByteLevel")
    throw new WkvError(
      "bad-vocab",
      `${name} is a tokenizer.json with a ${model.type} model and a ${decoder?.type ?? "missing"} decoder; ` +
        "only byte-level BPE is supported (as in GPT-NeoX's 20B_tokenizer.json).",
    );
  try {
    checkShape(given);
    return new NeoxTokenizer(given, tableOf(model.vocab, added, name), name);
  } catch (error) {
    if (error instanceof WkvError) throw error;
    throw new WkvError("bad-vocab", `${name} is a tokenizer.json that cannot be used: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

/** @throws SyntaxError */
function checkShape({ model, added_tokens: added = [] }: TokenizerJson): void {
  const { vocab, merges, continuing_subword_prefix: prefix, end_of_word_suffix: suffix } = model;
  if (typeof vocab !== "object" || vocab === null || !Array.isArray(merges))
    throw new SyntaxError("vocab or merges are missing");
  if (prefix || suffix) throw new SyntaxError("prefixes and suffixes of words are not supported");
  if (!Array.isArray(added) || !added.every((token) => typeof token?.content === "string"))
    throw new SyntaxError("its added_tokens are damaged");
}

/** An added token overrides an entry with the same id, and is plain text, while the others use the byte alphabet. */
function tableOf(vocab: TokenizerJson["model"]["vocab"], added: readonly AddedTokenJson[], name: string): TokenTable {
  const table = new TokenTableBuilder(name);
  for (const { id, content } of added) table.add(id, inputBytes(content));
  const addedIds = new Set(added.map((token) => token.id));
  const byteOf = new Map(BYTE_ALPHABET.map((character, byte) => [character, byte]));
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
 * `[256]` the character that byte-level BPE writes for each byte: printable Latin-1 is itself, and the other 68 bytes, in
 * order, are the code points from 256 on.
 */
const BYTE_ALPHABET = byteAlphabet();

function byteAlphabet(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCharCode(printable ? byte : next++);
  });
}

function byteCharacters(text: string): string {
  return Array.from(inputBytes(text), (byte) => BYTE_ALPHABET[byte]).join("");
}

function decodeInput(bytes: Uint8Array): string {
  try {
    // A copy: TextDecoder may refuse shared memory.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes));
  } catch {
    throw new RangeError('"input" expected valid UTF-8 (a NeoX vocabulary encodes text only), got other bytes');
  }
}
