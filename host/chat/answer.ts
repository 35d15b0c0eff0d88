import { isBlank } from "../prompt/clean.ts";
import { beginningAtEnd } from "../session/stop-filter.ts";
import { type AnswerStart, BARE_CALLS, BLANKS, FENCE, THOUGHT, THOUGHT_END } from "./marks.ts";

/** What has become certain of an answer with the latest text of the model. */
export interface AnswerText {
  readonly text: string;
  readonly thinking: string;
}

/**
 * Splits the model's text as it arrives: thought, answer, and possible calls. Text is held back while it might still be
 * something else; leading and trailing blanks are dropped. The concatenated pieces are the whole, so the message is a
 * fold of the stream.
 */
export class AnswerReader {
  /**
   * Where the text starts, according to the end of the prompt, which may already have opened the thought or the call.
   */
  readonly at: AnswerStart;
  #thinks: boolean;
  readonly #calls: boolean;
  #part: AnswerStart | "thought" | "text";
  /** Characters received; the last of them are held back. */
  #come = 0;
  #held = "";
  readonly #trimmers = { text: new Trimmer(), thinking: new Trimmer() };
  /** The prefill: its length, the certain part of it, and what it is if nothing follows. */
  readonly #prefill: { length: number; certain: { text: string; thinking: string }; whole: AnswerText };

  /**
   * @param opening the end of the prompt
   * @param options whether to recognise thoughts, and calls
   * @param prefill of an answer that is continued: parsed, but not emitted again
   */
  constructor(opening: string, options: { thinks: boolean; calls: boolean }, prefill = "") {
    const { thinks, calls } = options;
    this.#thinks = thinks;
    this.#calls = calls;
    this.at = startOf(opening, thinks, calls);
    this.#part = thinks || calls ? this.at : "text";
    const whole = prefill === "" ? { text: "", thinking: "" } : new AnswerReader(opening, options).#all(prefill);
    this.#prefill = { length: prefill.length, certain: { text: "", thinking: "" }, whole };
    this.push(prefill);
  }

  /** The prefill, without what turned out to be a mark or part of a call. */
  get prefill(): AnswerText {
    const { length, certain, whole } = this.#prefill;
    return this.#come - this.#held.length < length ? whole : certain;
  }

  /** The text of a call, complete only at the end. */
  get call(): string {
    return this.#part === "call" ? this.#held : "";
  }

  push(more: string): AnswerText {
    this.#come += more.length;
    this.#held += more;
    const out = { text: "", thinking: "" };
    for (let before: string | undefined; before !== this.#part; ) {
      before = this.#part;
      this.#step(out);
    }
    return out;
  }

  /** What was held back. @param isCall whether the held text is a call, and so not part of the answer */
  end(isCall: boolean): AnswerText {
    const out = { text: "", thinking: "" };
    const from = this.#come - this.#held.length;
    const held = this.#take(this.#held.length);
    if (!isCall) this.#give(out, this.#part === "thought" ? "thinking" : "text", held, from);
    return out;
  }

  #all(text: string): AnswerText {
    const [read, held] = [this.push(text), this.end(false)];
    return { text: read.text + held.text, thinking: read.thinking + held.thinking };
  }

  #step(out: { text: string; thinking: string }): void {
    const from = this.#come - this.#held.length;
    if (this.#part === "start") this.#start();
    else if (this.#part === "opened" || this.#part === "closed") this.#finishTag();
    else if (this.#part === "thought") this.#give(out, "thinking", this.#until(THOUGHT_END, "closed"), from);
    else if (this.#part === "text") this.#give(out, "text", this.#textUntilCall(), from);
  }

  /** @param from the number of characters before the text */
  #give(out: { text: string; thinking: string }, part: keyof AnswerText, text: string, from: number): void {
    const known = Math.max(0, this.#prefill.length - from);
    this.#prefill.certain[part] += this.#trimmers[part].push(text.slice(0, known));
    out[part] += this.#trimmers[part].push(text.slice(known));
  }

  #start(): void {
    const begun = withoutBlanks(this.#held);
    if (this.#thinks && begun.startsWith(THOUGHT)) {
      this.#held = begun.slice(THOUGHT.length);
      this.#part = "thought";
      return;
    }
    const calls = this.#calls ? BARE_CALLS : [];
    if (calls.some((mark) => begun.startsWith(mark))) this.#part = "call";
    else if (![...calls, ...(this.#thinks ? [THOUGHT] : [])].some((mark) => mark.startsWith(begun)))
      this.#part = "text";
  }

  /** The prompt ended before the ">", which the model writes. */
  #finishTag(): void {
    if (this.#held === "") return;
    if (this.#held.startsWith(">")) this.#held = this.#held.slice(1);
    this.#thinks = false; // at most one thought
    this.#part = this.#part === "opened" ? "thought" : "start";
  }

  #textUntilCall(): string {
    return this.#calls ? this.#until(FENCE, "call") : this.#take(this.#held.length);
  }

  /** The held text before a mark, or the part of it that cannot be the beginning of one. */
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

function startOf(opening: string, thinks: boolean, calls: boolean): AnswerStart {
  if (calls && opening.endsWith(FENCE)) return "call";
  if (thinks && /<\/think>?\s*$/.test(opening)) return "closed";
  return thinks && /<think>?\s*$/.test(opening) ? "opened" : "start";
}

function withoutBlanks(text: string): string {
  let from = 0;
  while (from < text.length && BLANKS.includes(text[from]!)) from++;
  return text.slice(from);
}

/** Passes text on without blanks at the ends: blanks wait until something follows. */
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
