/**
 * Passes text on until a stop string is complete, holding back a possible beginning of one. The output does not depend
 * on how the text is split into tokens: the stop string that is complete first counts, the longest if there are
 * several.
 */
export class StopFilter {
  readonly #stops: readonly string[];
  #held = "";
  found = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** The text that can be released now. */
  push(text: string): string {
    if (this.found) return "";
    this.#held += text;
    const at = this.#stopAt();
    if (at !== undefined) {
      this.found = true;
      return this.#release(at);
    }
    const begun = this.#stops.map((stop) => beginningAtEnd(this.#held, stop));
    return this.#release(this.#held.length - Math.max(0, ...begun));
  }

  /** The held text, if it turned out not to be a stop string. */
  rest(): string {
    return this.found ? "" : this.#release(this.#held.length);
  }

  #release(length: number): string {
    const text = this.#held.slice(0, length);
    this.#held = this.found ? "" : this.#held.slice(length);
    return text;
  }

  #stopAt(): number | undefined {
    const found = this.#stops
      .map((stop) => ({ at: this.#held.indexOf(stop), length: stop.length }))
      .filter(({ at }) => at >= 0);
    found.sort((a, b) => a.at + a.length - (b.at + b.length) || b.length - a.length);
    return found[0]?.at;
  }
}

/** Length of the longest suffix of a text that is a prefix of the mark, up to the whole mark. */
export function beginningAtEnd(text: string, mark: string): number {
  for (let n = Math.min(mark.length, text.length); n > 0; n--) if (text.endsWith(mark.slice(0, n))) return n;
  return 0;
}
