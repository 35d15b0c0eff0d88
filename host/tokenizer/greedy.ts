import { LongestMatches } from "./longest.ts";
import type { TokenTable } from "./table.ts";
import { inputBytes, TableTokenizer } from "./tokenizer.ts";

/** Always takes the longest matching token: World vocabularies and symbol files. */
export class GreedyTokenizer extends TableTokenizer {
  readonly kind: "world" | "symbols";
  readonly #matches: LongestMatches;

  /**
   * @param name of the vocabulary, for messages
   * @throws WkvError `bad-vocab` if two ids have the same bytes
   */
  constructor(kind: "world" | "symbols", table: TokenTable, endOfText: number | undefined, name: string) {
    super(table, endOfText);
    this.kind = kind;
    this.#matches = new LongestMatches(table, name);
  }

  encode(input: string | Uint8Array): number[] {
    return this.#matches.encode(inputBytes(input));
  }
}
