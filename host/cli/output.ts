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

/** A terminal line that is overwritten: `show` it, then `clear` it. Does nothing without a terminal. */
export function statusLine(quiet = false) {
  const visible = process.stderr.isTTY && !quiet;
  let last = "";
  return {
    show(text: string): void {
      if (visible && text !== last) process.stderr.write(`\r\x1b[K${inLine((last = text))}`);
    },
    clear(): void {
      if (visible && last) process.stderr.write("\r\x1b[K");
    },
  };
}
