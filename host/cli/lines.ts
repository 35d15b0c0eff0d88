import type { Interface } from "node:readline";

/** The lines of a file or of standard input, without a byte-order mark. */
export async function* linesOf(reader: Interface): AsyncGenerator<string, void, void> {
  let isFirst = true;
  for await (const line of reader) {
    yield isFirst ? line.replace(/^\uFEFF/, "") : line;
    isFirst = false;
  }
}
