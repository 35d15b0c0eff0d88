import { once } from "node:events";
import { styled } from "./terminal/style.ts";
import { wrapped } from "./terminal/wrap.ts";

/** Writes to standard output; resolves when there is room for more. */
export async function print(text: string | Uint8Array): Promise<void> {
  if (text.length > 0 && !process.stdout.write(text)) await once(process.stdout, "drain");
}

/**
 * C0 and C1 controls except line ends and tabs, and characters that reorder text. Models and files may contain them.
 */
const CONTROLS = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** One line of JSON, with controls escaped. */
export function printJson(value: unknown): Promise<void> {
  return print(`${JSON.stringify(value).replace(CONTROLS, escaped)}\n`);
}

/** Text of a model or a file. On a terminal control characters become U+FFFD: they could move the cursor or worse. */
export function printText(text: string): Promise<void> {
  return print(process.stdout.isTTY ? withoutControls(text) : text);
}

/** The same; on a terminal in whole words. */
export function printWrapped(text: string): Promise<void> {
  return printText(process.stdout.isTTY ? wrapped(text, process.stdout.columns) : text);
}

export function withoutControls(text: string): string {
  return text.replace(CONTROLS, "\uFFFD");
}

/** Text from a file, as part of a line: a line break in it would start another line. */
export function inLine(text: string): string {
  return withoutControls(text).replace(/[\n\t]/g, "\uFFFD");
}

/**
 * A line for people, on standard error.
 * @param isVerbatim it is to be copied, so a terminal does not get it in lines
 */
export function note(text: string, isVerbatim = false): void {
  const line = `wkv: ${withoutControls(text)}`;
  const shown = process.stderr.isTTY && !isVerbatim ? wrapped(line, process.stderr.columns) : line;
  process.stderr.write(`${styled("dim", shown, process.stderr)}\n`);
}

/** The least columns for an explanation beside its term. */
const BESIDE = 16;

/** A list for people, on standard error: terms, and explanations with a separate margin. */
export function noteList(rows: readonly (readonly [term: string, text: string])[]): void {
  const margin = Math.max(...rows.map(([term]) => term.length)) + 2;
  const columns = process.stderr.isTTY ? process.stderr.columns : Number.POSITIVE_INFINITY;
  const isBeside = columns - margin >= BESIDE;
  for (const [term, text] of rows) {
    const indent = " ".repeat(isBeside ? margin : 2);
    const lines = wrapped(withoutControls(text), columns - indent.length).replaceAll("\n", `\n${indent}`);
    const head = isBeside ? term.padEnd(margin) : `${term}\n${indent}`;
    process.stderr.write(`${head}${styled("dim", lines, process.stderr)}\n`);
  }
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * Ends the program when standard output cannot be written: without an error when its reader has closed the pipe
 * (`wkv run ... | head`), else with a sentence. Notes that cannot be written are lost.
 */
export function watchOutput(): void {
  process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") process.exit(0);
    const reason = code === "ENOSPC" ? "no space is left on the disk" : message;
    note(`standard output cannot be written: ${reason}.`);
    process.exit(1);
  });
  process.stderr.on("error", () => {});
}

/** Milliseconds between two drawings of a status line; what is faster than that shows none. */
const STATUS_INTERVAL = 100;

/** A terminal line that is overwritten: `show` it, then `clear` it. Does nothing without a terminal. */
export function statusLine(quiet = false) {
  const visible = process.stderr.isTTY && !quiet;
  let text = "";
  let timer: NodeJS.Timeout | undefined;
  let isDrawn = false;
  const draw = () => {
    timer = undefined;
    isDrawn = true;
    // A line that reaches the edge would become two, and only one is erased.
    process.stderr.write(`\r\x1b[K${inLine(text).slice(0, process.stderr.columns - 1)}`);
  };
  return {
    show(next: string): void {
      if (!visible || next === text) return;
      text = next;
      timer ??= setTimeout(draw, STATUS_INTERVAL).unref();
    },
    clear(): void {
      clearTimeout(timer);
      if (isDrawn) process.stderr.write("\r\x1b[K");
    },
  };
}
