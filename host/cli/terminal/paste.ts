const START = "\x1b[200~";
const END = "\x1b[201~";

/** A part of a terminal's input: typed keys, with their escape sequences, or a pasted text. */
export interface Input {
  readonly kind: "keys" | "paste";
  readonly text: string;
}

/** Splits the input of a terminal in bracketed-paste mode, wherever its chunks are cut. */
export class PasteReader {
  #held = "";
  #paste: string | undefined;

  push(chunk: string): Input[] {
    const parts: Input[] = [];
    let text = this.#held + chunk;
    for (let at = text.indexOf(this.#mark); at >= 0; at = text.indexOf(this.#mark)) {
      this.#take(text.slice(0, at), parts);
      text = text.slice(at + START.length);
      this.#turn(parts);
    }
    const held = startOf(this.#mark, text);
    this.#take(text.slice(0, text.length - held), parts);
    this.#held = text.slice(text.length - held);
    return parts;
  }

  /** The mark that comes next; both have the same length. */
  get #mark(): string {
    return this.#paste === undefined ? START : END;
  }

  #take(text: string, parts: Input[]): void {
    if (this.#paste !== undefined) this.#paste += text;
    else if (text) parts.push({ kind: "keys", text });
  }

  #turn(parts: Input[]): void {
    if (this.#paste === undefined) this.#paste = "";
    else {
      parts.push({ kind: "paste", text: printable(this.#paste) });
      this.#paste = undefined;
    }
  }
}

/** How many characters at the end of a text may be the beginning of the mark. */
function startOf(mark: string, text: string): number {
  for (let length = mark.length - 1; length > 0; length--) if (text.endsWith(mark.slice(0, length))) return length;
  return 0;
}

/** Line ends become "\n"; other control characters except tabs are removed, as they would act on the terminal. */
function printable(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(/[^\P{Cc}\n\t]/gu, "");
}
