import { isBlank } from "./clean.ts";

/** What of an answer became certain with some more of the model's text. */
export interface AnswerText {
  readonly text: string;
  readonly thinking: string;
}

const OPEN = "<think>";
const CLOSE = "</think>";
const FENCE = "```json";

/**
 * Takes the model's text apart as it comes: the thought, the answer, and what may be a call. Nothing is given out that
 * might still turn out to be something else; blank ends are left out. The pieces joined are the whole, so the message is
 * a fold of the stream.
 */
export class AnswerReader {
  #thinks: boolean;
  readonly #calls: boolean;
  #part: "start" | "opened" | "thought" | "closed" | "text" | "call" = "start";
  #held = "";
  readonly #thought = new Trimmer();
  readonly #answer = new Trimmer();

  /**
   * @param opening the end of the prompt, which may have begun the thought or the call already
   * @param options whether thoughts are told apart, and whether calls are
   */
  constructor(opening: string, { thinks, calls }: { thinks: boolean; calls: boolean }) {
    this.#thinks = thinks;
    this.#calls = calls;
    if (!thinks && !calls) this.#part = "text";
    if (thinks && /<\/think>?\s*$/.test(opening)) this.#part = "closed";
    else if (thinks && /<think>?\s*$/.test(opening)) this.#part = "opened";
    if (calls && opening.endsWith(FENCE)) this.#part = "call";
  }

  /** The text of a call, complete only at the end. */
  get call(): string {
    return this.#part === "call" ? this.#held : "";
  }

  push(more: string): AnswerText {
    this.#held += more;
    const out = { text: "", thinking: "" };
    for (let before: string | undefined; before !== this.#part; ) {
      before = this.#part;
      this.#step(out);
    }
    return out;
  }

  /** What was held back. @param isCall whether the held text is a call, and so no part of the answer */
  end(isCall: boolean): AnswerText {
    const held = this.#take(this.#held.length);
    if (isCall) return { text: "", thinking: "" };
    if (this.#part === "thought") return { text: "", thinking: this.#thought.push(held) };
    return { text: this.#answer.push(held), thinking: "" };
  }

  #step(out: { text: string; thinking: string }): void {
    if (this.#part === "start") this.#start();
    else if (this.#part === "opened" || this.#part === "closed") this.#finishTag();
    else if (this.#part === "thought") out.thinking += this.#thought.push(this.#until(CLOSE, "closed"));
    else if (this.#part === "text") out.text += this.#answer.push(this.#textUntilCall());
  }

  #start(): void {
    const begun = this.#held.trimStart();
    if (this.#thinks && begun.startsWith(OPEN)) {
      this.#held = begun.slice(OPEN.length);
      this.#part = "thought";
    } else if (this.#calls && /^[{[]/.test(begun)) this.#part = "call";
    else if (begun !== "" && !(this.#thinks && OPEN.startsWith(begun))) this.#part = "text";
  }

  /** The prompt ended before the ">", which the model writes. */
  #finishTag(): void {
    if (this.#held === "") return;
    if (this.#held.startsWith(">")) this.#held = this.#held.slice(1);
    this.#thinks = false; // there is one thought at most
    this.#part = this.#part === "opened" ? "thought" : "start";
  }

  #textUntilCall(): string {
    return this.#calls ? this.#until(FENCE, "call") : this.#take(this.#held.length);
  }

  /** The held text before a mark, or what of it cannot be the beginning of one. */
  #until(mark: string, next: "closed" | "call"): string {
    const at = this.#held.indexOf(mark);
    if (at < 0) return this.#take(this.#held.length - beginningAtEnd(this.#held, mark));
    const text = this.#take(at);
    this.#part = next;
    if (next === "closed") this.#held = `>${this.#held.slice(mark.length)}`;
    return text;
  }

  #take(length: number): string {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return text;
  }
}

/** Length of the longest end of a text that a mark begins with. */
function beginningAtEnd(text: string, mark: string): number {
  for (let n = Math.min(mark.length - 1, text.length); n > 0; n--) if (text.endsWith(mark.slice(0, n))) return n;
  return 0;
}

/** Lets text through without blank ends: blanks wait until something follows. */
class Trimmer {
  #blanks = "";
  #begun = false;

  push(text: string): string {
    let from = 0;
    while (!this.#begun && from < text.length && isBlank(text[from]!)) from++;
    if (from === text.length) return "";
    this.#begun = true;
    let to = text.length;
    while (to > from && isBlank(text[to - 1]!)) to--;
    if (to === from) {
      this.#blanks += text;
      return "";
    }
    const out = this.#blanks + text.slice(from, to);
    this.#blanks = text.slice(to);
    return out;
  }
}
