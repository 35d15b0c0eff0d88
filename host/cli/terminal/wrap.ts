import { eastAsianWidth } from "get-east-asian-width";

/** Breaks a text that comes piece by piece into lines at spaces. The last word is held back until it is complete. */
export class WordWrap {
  readonly #columns: () => number;
  #column = 0;
  #spaces = "";
  #word = "";
  #width = 0;

  /** @param columns of the terminal, queried again for each word */
  constructor(columns: () => number) {
    this.#columns = columns;
  }

  /** @returns what can be written now */
  push(text: string): string {
    let out = "";
    for (const character of text) out += this.#take(character);
    return out;
  }

  /** @returns the rest; a new text may follow */
  flush(): string {
    const out = this.#placeWord();
    this.#spaces = "";
    return out;
  }

  #take(character: string): string {
    if (character === "\n") {
      const out = `${this.flush()}\n`;
      this.#column = 0;
      return out;
    }
    if (character === " " || character === "\t") {
      const out = this.#placeWord();
      this.#spaces += character === " " ? " " : "    ";
      return out;
    }
    const width = widthOf(character);
    // Scripts with wide characters break anywhere, and a word as wide as the terminal must.
    const breaks = width === 2 || this.#width + width > this.#columns();
    const out = breaks ? this.#placeWord() : "";
    this.#word += character;
    this.#width += width;
    return width === 2 ? out + this.#placeWord() : out;
  }

  #placeWord(): string {
    if (this.#word === "") return "";
    const fits = this.#column + this.#spaces.length + this.#width <= this.#columns();
    const before = fits ? this.#spaces : this.#column > 0 ? "\n" : "";
    this.#column = (fits ? this.#column + this.#spaces.length : 0) + this.#width;
    const out = before + this.#word;
    this.#spaces = this.#word = "";
    this.#width = 0;
    return out;
  }
}

/** A whole text in lines of at most this many columns. */
export function wrapped(text: string, columns: number): string {
  const wrap = new WordWrap(() => columns);
  return wrap.push(text) + wrap.flush();
}

function widthOf(character: string): number {
  if (/\p{M}|\p{Cf}/u.test(character)) return 0;
  return eastAsianWidth(character.codePointAt(0) as number);
}
