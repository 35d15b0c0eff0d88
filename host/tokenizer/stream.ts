import type { TokenTable } from "./table.ts";

/** Decodes ids as they come. The pieces joined are what `decode` gives for all ids at once. */
export interface TokenStream {
  /** The text that is complete now: never half a character, often empty inside one. */
  push(id: number): string;
  /** What an unfinished character leaves: U+FFFD, or nothing. The stream can then be used again. */
  flush(): string;
}

/** A streaming TextDecoder behind a table: it holds an unfinished character back until the rest comes. */
export class TextStream implements TokenStream {
  readonly #table: TokenTable;
  /** `ignoreBOM` means "keep it": a U+FEFF that a model writes is text. */
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
