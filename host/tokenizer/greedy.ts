import { LongestMatches } from "./longest.ts";
import type { TokenTable } from "./table.ts";
import { inputBytes, TableTokenizer } from "./tokenizer.ts";

/** Always takes the longest matching token: World vocabularies and symbol files. */
export class GreedyTokenizer extends TableTokenizer {
  readonly kind: "world" | "symbols";
  readonly #matches: LongestMatches;

  private constructor(
    kind: "world" | "symbols",
    table: TokenTable,
    endOfText: number | undefined,
    matches: LongestMatches,
  ) {
    super(table, endOfText);
    this.kind = kind;
    this.#matches = matches;
  }

  /**
   * @param name of the vocabulary, for messages
   * @throws WkvError `bad-vocab` if two ids have the same bytes
   */
  static async make(
    kind: "world" | "symbols",
    table: TokenTable,
    endOfText: number | undefined,
    name: string,
  ): Promise<GreedyTokenizer> {
    return new GreedyTokenizer(kind, table, endOfText, await LongestMatches.build(table, name));
  }

  encode(input: string | Uint8Array): number[] {
    return this.#matches.encode(inputBytes(input));
  }
}
