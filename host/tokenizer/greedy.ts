import type { TokenTable } from "./table.ts";
import { inputBytes, TableTokenizer } from "./tokenizer.ts";
import { ByteTrie } from "./trie.ts";

/** Always takes the longest token that matches: World vocabularies and symbol files. */
export class GreedyTokenizer extends TableTokenizer {
  readonly kind: "world" | "symbols";
  readonly #trie: ByteTrie;

  private constructor(kind: "world" | "symbols", table: TokenTable, endOfText: number | undefined, trie: ByteTrie) {
    super(table, endOfText);
    this.kind = kind;
    this.#trie = trie;
  }

  /**
   * @param name of the vocabulary, for messages
   * @throws WkvError `bad-vocab` when two ids have the same bytes
   */
  static async make(
    kind: "world" | "symbols",
    table: TokenTable,
    endOfText: number | undefined,
    name: string,
  ): Promise<GreedyTokenizer> {
    return new GreedyTokenizer(kind, table, endOfText, await ByteTrie.build(table, name));
  }

  encode(input: string | Uint8Array): number[] {
    return this.#trie.encode(inputBytes(input));
  }
}
