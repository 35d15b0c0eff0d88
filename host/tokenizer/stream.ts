import type { TokenTable } from "./table.ts";

/** Decodes ids as they come. The concatenated pieces are what `decode` gives for all ids at once. */
export interface TokenStream {
  /** The text completed by this id: never half a character, often empty inside one. */
  push(id: number): string;
  /** The remainder of an unfinished character: U+FFFD, or nothing. The stream can then be reused. */
  flush(): string;
}

/** A streaming TextDecoder behind a table: it holds back an unfinished character until the rest arrives. */
export class TextStream implements TokenStream {
  readonly #table: TokenTable;
  /** `ignoreBOM` means "keep it": a U+FEFF written by a model is text. */
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(table: TokenTable) {
    this.#table = table;
  }

  push(id: number): string {
    return this.#decoder.decode(this.#table.view(id), { stream: true });
  }

  flush(): string {
    return this.#decoder.decode();
  }
}
