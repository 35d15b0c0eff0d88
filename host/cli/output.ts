import { once } from "node:events";

/** Writes to standard output; resolves when there is room for more. */
export async function print(text: string | Uint8Array): Promise<void> {
  if (text.length > 0 && !process.stdout.write(text)) await once(process.stdout, "drain");
}

/** One line of JSON. */
export function printJson(value: unknown): Promise<void> {
  return print(`${JSON.stringify(value)}\n`);
}

/** A model's text. On a terminal its control characters become U+FFFD: a model must not move the cursor or worse. */
export function printText(text: string): Promise<void> {
  return print(process.stdout.isTTY ? withoutControls(text) : text);
}

export function withoutControls(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, "\uFFFD");
}

/** A line for people, on standard error. */
export function note(text: string): void {
  process.stderr.write(`wkv: ${text}\n`);
}

/** A reader that closes the pipe (`wkv run ... | head`) ends the program without an error. */
export function stopWhenNobodyReads(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

/** A line on the terminal that is written over: `show` it, then `clear` it. Nothing where there is no terminal. */
export function statusLine(quiet = false) {
  const visible = process.stderr.isTTY && !quiet;
  let last = "";
  return {
    show(text: string): void {
      if (visible && text !== last) process.stderr.write(`\r\x1b[K${(last = text)}`);
    },
    clear(): void {
      if (visible && last) process.stderr.write("\r\x1b[K");
    },
  };
}
