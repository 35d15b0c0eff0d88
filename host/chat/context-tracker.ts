import type { Model } from "../model/model.ts";
import type { Mark } from "../session/mark.ts";
import type { Session } from "../session/session.ts";
import { encodePrompt } from "./encode.ts";
import type { Prompt } from "./template.ts";

/** A point to rewind to, and the text that had been read there. */
interface Snapshot {
  readonly mark: Mark;
  readonly text: string;
}

/** One per turn. Each is a copy of the state, `model.info.stateBytes`, outside the model's memory. */
const MAX_SNAPSHOTS = 4;

/**
 * What a chat's session has read. The state has always read exactly the text of the history: a new prompt is compared
 * with it, and only the difference is fed; where they diverge (a thought that is dropped, a regenerated answer, an
 * edited message) the session rewinds to the last common snapshot.
 */
export class ContextTracker {
  readonly session: Session;
  readonly #model: Model;
  /** The text that the session has read; undefined after an aborted feed. */
  #text: string | undefined;
  /** Ascending: each extends the text of the one before. */
  #snapshots: readonly Snapshot[] = [];

  /** @param session a session that has read `text`; default: a new one */
  constructor(model: Model, session = model.createSession(), text = "") {
    this.#model = model;
    this.session = session;
    this.#text = text;
  }

  /**
   * Brings the session to the end of a prompt.
   * @returns the number of tokens that had to be read: those not covered by the state or the prefix cache
   */
  async sync({ history, opening }: Prompt, signal?: AbortSignal): Promise<number> {
    const target = history + opening;
    let read = 0;
    let text = this.#rewindTo(target);
    if (text.length < history.length) {
      read += await this.#feed(history.slice(text.length), signal);
      text = history;
      this.#snapshots = [...this.#snapshots.slice(1 - MAX_SNAPSHOTS), { mark: await this.session.mark(), text }];
    }
    read += await this.#feed(target.slice(text.length), signal);
    this.#text = target;
    return read;
  }

  /** Records generated text, which the session has read. */
  append(text: string): void {
    this.#text += text;
  }

  /** The state, as bytes, at the longest known prefix of a text, and that prefix. */
  async save(target: string): Promise<{ text: string; state: Uint8Array | undefined }> {
    if (this.#text !== undefined && target.startsWith(this.#text))
      return { text: this.#text, state: this.#text === "" ? undefined : await this.session.save() };
    const snapshot = this.#snapshots.findLast(({ text }) => target.startsWith(text));
    if (!snapshot) return { text: "", state: undefined };
    using session = this.#model.createSession();
    session.rewind(snapshot.mark);
    return { text: snapshot.text, state: await session.save() };
  }

  fork(): ContextTracker {
    const tracker = new ContextTracker(this.#model, this.session.fork(), this.#text);
    tracker.#text = this.#text;
    tracker.#snapshots = this.#snapshots;
    return tracker;
  }

  dispose(): void {
    this.session.dispose();
    this.#snapshots = [];
  }

  /** Rewinds to the longest known prefix of a text. @returns that prefix */
  #rewindTo(target: string): string {
    const text = this.#text;
    this.#text = undefined; // until the feed has succeeded
    this.#snapshots = this.#snapshots.filter((snapshot) => target.startsWith(snapshot.text));
    if (text !== undefined && target.startsWith(text)) return text;
    const snapshot = this.#snapshots.at(-1);
    if (snapshot) this.session.rewind(snapshot.mark);
    else this.session.reset();
    return snapshot?.text ?? "";
  }

  async #feed(text: string, signal?: AbortSignal): Promise<number> {
    const ids = encodePrompt(this.#model.tokenizer, text);
    if (ids.length === 0) return 0;
    await this.session.feed(ids, signal ? { signal } : {});
    return ids.length - this.session.cachedTokens;
  }
}
