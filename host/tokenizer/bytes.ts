import { TokenTableBuilder } from "./table.ts";
import { inputBytes, TableTokenizer } from "./tokenizer.ts";

/** 256 ids, one per byte value. */
export class BytesTokenizer extends TableTokenizer {
  readonly kind = "bytes";

  constructor() {
    const table = new TokenTableBuilder("bytes");
    for (let byte = 0; byte < 256; byte++) table.add(byte, Uint8Array.of(byte));
    super(table.build(), undefined);
  }

  encode(input: string | Uint8Array): number[] {
    return Array.from(inputBytes(input));
  }
}
