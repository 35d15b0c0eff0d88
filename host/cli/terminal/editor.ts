import { EventEmitter } from "node:events";
import { type CompleterResult, createInterface, type Interface } from "node:readline";
import { StringDecoder } from "node:string_decoder";
import { withoutControls } from "../output.ts";
import { type Input, PasteReader } from "./paste.ts";

/** Node, Deno and Bun have it; their types do not. */
interface Editor extends Interface {
  _insertString(text: string): void;
}

/** A line as it was entered. */
export interface Line {
  readonly text: string;
  /** Whether a part of it was pasted. */
  readonly isPasted: boolean;
}

export interface EditorOptions {
  /** Newest first. */
  history: string[];
  complete(line: string): CompleterResult;
  /** Ctrl-C on an empty line; a second one ends the input. */
  onInterrupt(): void;
}

const PASTE_ON = "\x1b[?2004h";
const PASTE_OFF = "\x1b[?2004l";
const CTRL_C = "\x03";

/**
 * Reads lines from a terminal with one readline throughout, so that no input is lost: what is typed between two
 * `read()` is kept for the next one, and a pasted text is one input, however many lines it has. Between reads Ctrl-C is
 * the signal SIGINT, as without an editor.
 */
export class LineEditor {
  readonly #reader = new PasteReader();
  readonly #decoder = new StringDecoder("utf8");
  readonly #keys = new Keys();
  readonly #editor: Editor;
  readonly #onData = (chunk: Buffer) => this.#receive(this.#decoder.write(chunk));
  readonly #restore = () => this.#keys.setRawMode(false);
  #queue: Input[] = [];
  #resolve: ((line: Line | undefined) => void) | undefined;
  /** The line at Enter. The event's has its lines in reverse order in Node 24 and Bun, as their history keeps them. */
  #entered = "";
  #isPasted = false;
  #isInterrupted = false;
  #isClosed = false;

  constructor({ history, complete, onInterrupt }: EditorOptions) {
    this.#editor = createInterface({
      input: this.#keys as unknown as NodeJS.ReadableStream,
      output: process.stdout,
      terminal: true,
      history,
      historySize: 500,
      removeHistoryDuplicates: true,
      crlfDelay: Infinity,
      completer: complete,
    }) as Editor;
    this.#editor.on("line", () => this.#answer({ text: this.#entered, isPasted: this.#isPasted }));
    this.#editor.on("close", () => this.#end());
    this.#editor.on("SIGINT", () => {
      if (this.#editor.line) return this.#clear();
      if (this.#isInterrupted) return this.#editor.close();
      this.#isInterrupted = true;
      process.stdout.write("\n");
      onInterrupt();
      this.#editor.prompt();
    });
    process.stdin.on("data", this.#onData);
    process.once("exit", this.#restore);
  }

  /** The next line; undefined at the end. @param draft is in the line already, to be edited */
  read(prompt: string, draft = ""): Promise<Line | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#isPasted = draft.includes("\n");
      this.#editor.setPrompt(prompt);
      this.#editor.prompt();
      if (draft) this.#editor._insertString(withoutControls(draft));
      this.#pump();
    });
  }

  close(): void {
    process.stdin.off("data", this.#onData);
    process.off("exit", this.#restore);
    this.#editor.close();
    this.#restore();
    process.stdin.pause();
  }

  #receive(text: string): void {
    for (const part of this.#reader.push(text)) {
      this.#queue.push(part);
      if (!this.#resolve && part.kind === "keys" && part.text.includes(CTRL_C)) this.#interrupt();
    }
    this.#pump();
  }

  /** Ctrl-C while no line is read; as in a shell, it discards what was typed. */
  #interrupt(): void {
    this.#queue = [];
    process.emit("SIGINT");
  }

  /** Gives the editor what was received, up to the end of the line. */
  #pump(): void {
    while (this.#resolve) {
      const part = this.#queue.shift();
      if (!part) return;
      if (part.kind === "paste") this.#paste(part.text);
      else this.#type(part.text);
    }
  }

  #paste(text: string): void {
    this.#isPasted = true;
    this.#editor._insertString(text);
  }

  #type(text: string): void {
    const end = text.search(/[\r\n]/);
    const keys = end < 0 ? text : text.slice(0, end);
    if (keys) this.#press(keys);
    if (end < 0) return;
    if (end + 1 < text.length) this.#queue.unshift({ kind: "keys", text: text.slice(end + 1) });
    this.#entered = this.#editor.line;
    this.#press(text.charAt(end));
  }

  #press(keys: string): void {
    this.#keys.emit("data", Buffer.from(keys));
  }

  #clear(): void {
    this.#isPasted = false;
    this.#editor.write(null, { ctrl: true, name: "e" });
    this.#editor.write(null, { ctrl: true, name: "u" });
  }

  #answer(line: Line | undefined): void {
    this.#isInterrupted = false;
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(line);
  }

  #end(): void {
    if (this.#resolve) process.stdout.write("\n");
    this.#isClosed = true;
    this.#answer(undefined);
  }
}

/** Standard input as readline sees it: only what `LineEditor` passes on. */
class Keys extends EventEmitter {
  readonly isTTY = true;

  setRawMode(isRaw: boolean): this {
    process.stdin.setRawMode(isRaw);
    process.stdout.write(isRaw ? PASTE_ON : PASTE_OFF);
    return this;
  }

  pause(): this {
    return this;
  }

  resume(): this {
    process.stdin.resume();
    return this;
  }
}
