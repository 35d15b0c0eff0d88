export const BACKSLASH = 0x5c;
const SINGLE = 0x27;
const DOUBLE = 0x22;

/** Escapes of a backslash and one letter, the same in Python's str and bytes literals. */
const SIMPLE_ESCAPES: Record<string, number> = {
  "\\": BACKSLASH,
  "'": SINGLE,
  '"': DOUBLE,
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
};

/** Hexadecimal digits after the letter. `u` and `U` are escapes in str literals only. */
const HEX_DIGITS: Record<string, number> = { x: 2, u: 4, U: 8 };

/**
 * Reads Python literals: `'text'`, `"text"`, `b'bytes'`, with the escapes that Python has. In a str literal
 * `\xe9` is the code point U+00E9, two bytes of UTF-8; in a bytes literal it is one byte. A backslash before
 * any other character is kept, as in Python. Not supported: `\N{name}`, raw and triple-quoted literals.
 */
export class LiteralReader {
  readonly #source: Uint8Array;
  #target = new Uint8Array(256);
  #used = 0;
  #at = 0;
  #end = 0;
  #isBytes = false;
  #quote = SINGLE;

  /** @param source valid UTF-8 */
  constructor(source: Uint8Array) {
    this.#source = source;
  }

  /**
   * Reads the literal in bytes `from .. to - 1` of the source.
   * @returns its bytes: a view that is valid until the next call
   * @throws SyntaxError with the reason
   */
  read(from: number, to: number): Uint8Array {
    this.#begin(from, to);
    const prefix = this.#source[from]! | 0x20;
    this.#isBytes = prefix === 0x62; // b or B
    if (this.#isBytes || prefix === 0x75) this.#at++; // u or U
    this.#quote = this.#source[this.#at++]!;
    if (this.#quote !== SINGLE && this.#quote !== DOUBLE)
      throw new SyntaxError("a token is written 'so', \"so\" or b'so'");
    this.#readQuoted();
    return this.#target.subarray(0, this.#used);
  }

  /**
   * Reads the contents of a bytes literal, without its quotes; both kinds of quotes may appear. Bytes beyond ASCII,
   * which Python would not write, are kept.
   * @returns as `read`
   * @throws SyntaxError as `read`
   */
  readUnquoted(from: number, to: number): Uint8Array {
    this.#begin(from, to);
    this.#isBytes = true;
    while (this.#at < this.#end) {
      const byte = this.#source[this.#at++]!;
      if (byte !== BACKSLASH) this.#put(byte);
      else if (this.#at < this.#end) this.#readEscape();
      else throw new SyntaxError("it ends with a single backslash");
    }
    return this.#target.subarray(0, this.#used);
  }

  #begin(from: number, to: number): void {
    // No escape is shorter than its value, so the literal's length is enough.
    if (to - from > this.#target.length) this.#target = new Uint8Array(2 * (to - from));
    this.#used = 0;
    this.#at = from;
    this.#end = to;
  }

  #readQuoted(): void {
    while (this.#at < this.#end) {
      const byte = this.#source[this.#at++]!;
      if (byte === this.#quote) {
        if (this.#at !== this.#end) throw new SyntaxError("there is more after the closing quote");
        return;
      }
      if (byte === BACKSLASH) this.#readEscape();
      else if (this.#isBytes && byte >= 0x80) throw new SyntaxError("a b'' literal may only hold ASCII");
      else this.#put(byte);
    }
    throw new SyntaxError("the closing quote is missing");
  }

  #readEscape(): void {
    if (this.#at === this.#end) throw new SyntaxError("the closing quote is missing");
    const letter = String.fromCharCode(this.#source[this.#at]!);
    const simple = SIMPLE_ESCAPES[letter];
    const digits = HEX_DIGITS[letter];
    if (simple !== undefined) {
      this.#at++;
      this.#put(simple);
    } else if (digits !== undefined && (letter === "x" || !this.#isBytes)) {
      this.#at++;
      this.#putCode(this.#readDigits(16, digits, digits));
    } else if (letter >= "0" && letter <= "7") {
      this.#putCode(this.#readDigits(8, 1, 3));
    } else if (letter === "N" && !this.#isBytes) {
      throw new SyntaxError("\\N{name} escapes are not supported: write the character itself or \\uXXXX");
    } else {
      this.#put(BACKSLASH);
    }
  }

  /** As many digits as there are, up to `most`. */
  #readDigits(radix: number, least: number, most: number): number {
    let value = 0;
    let count = 0;
    for (; count < most && this.#at < this.#end; count++, this.#at++) {
      const digit = Number.parseInt(String.fromCharCode(this.#source[this.#at]!), radix);
      if (Number.isNaN(digit)) break;
      value = radix * value + digit;
    }
    if (count < least) throw new SyntaxError(`an escape ends after ${count} of ${least} digits`);
    return value;
  }

  #putCode(code: number): void {
    if (this.#isBytes) {
      if (code > 0xff) throw new SyntaxError(`the escape for ${code} is not a byte`);
      this.#put(code);
    } else {
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        throw new SyntaxError(`the escape for 0x${code.toString(16)} is not a character`);
      for (const byte of new TextEncoder().encode(String.fromCodePoint(code))) this.#put(byte);
    }
  }

  #put(byte: number): void {
    this.#target[this.#used++] = byte;
  }
}
