import { eastAsianWidth } from "get-east-asian-width";

/** What may not begin a line, and what may not end one. */
const CLOSES = /^[\p{Pe}\p{Pf}\p{Po}ー々]/u;
const OPENS = /^[\p{Ps}\p{Pi}]/u;
const EMOJI_STYLE = "\ufe0f";

/**
 * Breaks a text that comes piece by piece into lines: at spaces, and beside the wide characters of scripts that have none.
 * The last word is held back until it is complete.
 */
export class WordWrap {
  readonly #columns: () => number;
  /** Made here: a program that wraps nothing starts 10 ms sooner. */
  readonly #segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  #column = 0;
  #spaces = "";
  #word = "";
  #width = 0;
  /** The last grapheme: a mark, or the rest of an emoji, may follow. */
  #held = "";
  /** Of the word's last grapheme. */
  #isWide = false;
  #isOpen = false;

  /** @param columns of the terminal, queried again for each word */
  constructor(columns: () => number) {
    this.#columns = columns;
  }

  /** @returns what can be written now */
  push(text: string): string {
    const graphemes = Array.from(this.#segmenter.segment(this.#held + text), ({ segment }) => segment);
    const last = graphemes.at(-1) ?? "";
    this.#held = /^[ \t\n]$/.test(last) ? "" : last;
    if (this.#held) graphemes.pop();
    return graphemes.map((grapheme) => this.#take(grapheme)).join("");
  }

  /** @returns the rest; a new text may follow */
  flush(): string {
    const last = this.#held;
    this.#held = "";
    const out = (last && this.#take(last)) + this.#placeWord();
    this.#spaces = "";
    return out;
  }

  #take(grapheme: string): string {
    if (grapheme.endsWith("\n")) {
      const out = `${this.#placeWord()}\n`;
      this.#spaces = "";
      this.#column = 0;
      return out;
    }
    if (grapheme === " " || grapheme === "\t") {
      const out = this.#placeWord();
      this.#spaces += grapheme === " " ? " " : "    ";
      return out;
    }
    const width = widthOf(grapheme);
    // A word that is wider than the terminal breaks where it must.
    const breaks = this.#mayBreakBefore(grapheme, width) || this.#width + width > this.#columns();
    const out = breaks ? this.#placeWord() : "";
    this.#word += grapheme;
    this.#width += width;
    this.#isWide = width > 1;
    this.#isOpen = OPENS.test(grapheme);
    return out;
  }

  #mayBreakBefore(grapheme: string, width: number): boolean {
    return (width > 1 || this.#isWide) && !this.#isOpen && !CLOSES.test(grapheme);
  }

  #placeWord(): string {
    if (this.#word === "") return "";
    const fits = this.#column + this.#spaces.length + this.#width <= this.#columns();
    const before = fits ? this.#spaces : this.#column > 0 ? "\n" : "";
    this.#column = (fits ? this.#column + this.#spaces.length : 0) + this.#width;
    const out = before + this.#word;
    this.#spaces = this.#word = "";
    this.#width = 0;
    this.#isWide = this.#isOpen = false;
    return out;
  }
}

/** A whole text in lines of at most this many columns. */
export function wrapped(text: string, columns: number): string {
  const wrap = new WordWrap(() => columns);
  return wrap.push(text) + wrap.flush();
}

/** The most columns that a terminal gives it: some draw the parts of an emoji one beside the other. */
function widthOf(grapheme: string): number {
  let width = 0;
  for (const character of grapheme)
    if (!/\p{M}|\p{Cf}/u.test(character)) width += eastAsianWidth(character.codePointAt(0) as number);
  return width === 1 && grapheme.includes(EMOJI_STYLE) ? 2 : width;
}
