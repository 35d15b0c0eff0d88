import type { Model } from "../model/model.ts";
import type { Mark } from "../session/mark.ts";
import type { Session } from "../session/session.ts";
import { encodePrompt } from "./encode.ts";
import type { Prompt } from "./template.ts";

/** A moment to go back to, and the text that had been read then. */
interface Stop {
  readonly mark: Mark;
  readonly text: string;
}

/** How many, one a turn. Each is a copy of the state, `model.info.stateBytes`, outside the model's memory. */
const STOPS = 4;

/**
 * What of a chat has been read. The state has always read exactly the text that the history says: a new prompt is
 * compared with what was read, and only what is new is fed; where they differ (a thought that is left out, an answer
 * that is given anew, an edited message) it goes back to the last moment that both have in common.
 */
export class Track {
  readonly session: Session;
  readonly #model: Model;
  /** What the session has read; undefined after a reading that was aborted halfway. */
  #text: string | undefined;
  /** Ascending: each has read what the one before has, and more. */
  #stops: readonly Stop[] = [];

  /** @param session what has read `text`; default: nothing was read */
  constructor(model: Model, session = model.createSession(), text = "") {
    this.#model = model;
    this.session = session;
    this.#text = text;
  }

  /**
   * Makes the session stand at the end of a prompt.
   * @returns how many tokens had to be read: those that no state had read before
   */
  async advance({ history, opening }: Prompt, signal?: AbortSignal): Promise<number> {
    const target = history + opening;
    let read = 0;
    let text = this.#goBackFor(target);
    if (text.length < history.length) {
      read += await this.#feed(history.slice(text.length), signal);
      text = history;
      this.#stops = [...this.#stops.slice(1 - STOPS), { mark: await this.session.mark(), text }];
    }
    read += await this.#feed(target.slice(text.length), signal);
    this.#text = target;
    return read;
  }

  /** Takes note of what the session has read of its own making. */
  wrote(text: string): void {
    this.#text += text;
  }

  /** The state, as bytes, of the furthest moment on the way to a text, and what had been read then. */
  async save(target: string): Promise<{ text: string; state: Uint8Array | undefined }> {
    if (this.#text !== undefined && target.startsWith(this.#text))
      return { text: this.#text, state: this.#text === "" ? undefined : await this.session.save() };
    const stop = this.#stops.findLast(({ text }) => target.startsWith(text));
    if (!stop) return { text: "", state: undefined };
    using session = this.#model.createSession();
    session.rewind(stop.mark);
    return { text: stop.text, state: await session.save() };
  }

  fork(): Track {
    const track = new Track(this.#model, this.session.fork(), this.#text);
    track.#text = this.#text;
    track.#stops = this.#stops;
    return track;
  }

  dispose(): void {
    this.session.dispose();
    this.#stops = [];
  }

  /** Goes back as far as a text asks for. @returns what the session has then read of it */
  #goBackFor(target: string): string {
    const text = this.#text;
    this.#text = undefined; // until the reading has succeeded
    this.#stops = this.#stops.filter((stop) => target.startsWith(stop.text));
    if (text !== undefined && target.startsWith(text)) return text;
    const stop = this.#stops.at(-1);
    if (stop) this.session.rewind(stop.mark);
    else this.session.reset();
    return stop?.text ?? "";
  }

  async #feed(text: string, signal?: AbortSignal): Promise<number> {
    const ids = encodePrompt(this.#model.tokenizer, text);
    if (ids.length === 0) return 0;
    await this.session.feed(ids, signal ? { signal } : {});
    return ids.length - this.session.cachedTokens;
  }
}
