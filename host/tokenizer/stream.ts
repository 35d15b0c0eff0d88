import type { TokenTable } from "./table.ts";
import type { TokenStream } from "./tokenizer.ts";

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
