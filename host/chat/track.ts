import type { Model } from "../model.ts";
import type { Session } from "../session.ts";
import { encodePrompt } from "./encode.ts";
import type { Prompt } from "./template.ts";

/** A session, and the text that it has read. */
interface Place {
  readonly session: Session;
  text: string;
}

/** Places to which a chat can go back without reading again, one a turn. Each takes `model.info.stateBytes`. */
const MARKS = 4;

/**
 * What of a chat has been read. The state has always read exactly the text that the history says: a new prompt is
 * compared with what was read, and only what is new is fed; where they differ (a thought that is left out, an answer
 * that is given anew, an edited message) it goes back to the last place that both have in common.
 */
export class Track {
  readonly #model: Model;
  #now: Place | undefined;
  /** Ascending: each has read what the one before has, and more. */
  #marks: Place[] = [];

  constructor(model: Model, now?: Place) {
    this.#model = model;
    this.#now = now;
  }

  /** The session as it stands; undefined when nothing was read. */
  get session(): Session | undefined {
    return this.#now?.session;
  }

  /** The furthest place on the way to a text. */
  nearest(text: string): Readonly<Place> | undefined {
    return [...this.#marks, ...(this.#now ? [this.#now] : [])].findLast((place) => text.startsWith(place.text));
  }

  /**
   * Makes the session stand at the end of a prompt.
   * @returns how many tokens had to be read
   */
  async advance({ history, opening }: Prompt, signal?: AbortSignal): Promise<number> {
    const target = history + opening;
    const now = this.#startFor(target);
    let read = 0;
    if (now.text.length < history.length) {
      read += await this.#feed(now, history, signal);
      this.#mark(now);
    }
    if (now.text.length < target.length) read += await this.#feed(now, target, signal);
    this.#now = now;
    return read;
  }

  /** Takes note of what the session has read of its own making. */
  wrote(text: string): void {
    if (this.#now) this.#now.text += text;
  }

  fork(): Track {
    const copy = ({ session, text }: Place) => ({ session: session.fork(), text });
    const track = new Track(this.#model, this.#now && copy(this.#now));
    track.#marks = this.#marks.map(copy);
    return track;
  }

  dispose(): void {
    this.#now?.session.dispose();
    for (const { session } of this.#marks.splice(0)) session.dispose();
    this.#now = undefined;
  }

  /**
   * The furthest place from which the target can be reached, to be written to. It is nobody's until the reading has
   * succeeded: a session whose feeding was aborted has read nobody knows what.
   */
  #startFor(target: string): Place {
    const { session, text } = this.#now ?? {};
    this.#now = undefined;
    const isOnTheWay = (read: string) => target.startsWith(read);
    for (const mark of this.#marks.filter((each) => !isOnTheWay(each.text))) mark.session.dispose();
    this.#marks = this.#marks.filter((each) => isOnTheWay(each.text));
    // Where nothing is left to read, the session has its logits already.
    if (session && text !== undefined && isOnTheWay(text)) return { session, text };
    session?.dispose();
    const mark = this.#marks.at(-1);
    if (mark) return { session: mark.session.fork(), text: mark.text };
    return { session: this.#model.createSession(), text: "" };
  }

  async #feed(place: Place, target: string, signal?: AbortSignal): Promise<number> {
    const ids = encodePrompt(this.#model.tokenizer, target.slice(place.text.length));
    try {
      if (ids.length > 0) await place.session.feed(ids, signal ? { signal } : {});
    } catch (error) {
      place.session.dispose();
      throw error;
    }
    place.text = target;
    return ids.length;
  }

  #mark({ session, text }: Place): void {
    this.#marks.push({ session: session.fork(), text });
    if (this.#marks.length > MARKS) this.#marks.shift()?.session.dispose();
  }
}
