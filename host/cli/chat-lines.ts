import { createInterface, type Interface } from "node:readline";

/** Where messages come from. */
export interface LineReader {
  readonly isTerminal: boolean;
  /**
   * The next message, which may have several lines; undefined at the end.
   * @param draft what stands in the line already, to be changed; for terminals
   */
  next(prompt: string, draft?: string): Promise<string | undefined>;
  close(): void;
}

const FENCE = '"""';

/** Lines of a terminal, with a history. Between two messages nothing listens, so that Ctrl-C is a signal then. */
export function terminalLines(): LineReader {
  let history: string[] = [];
  const line = (prompt: string, draft = "") =>
    new Promise<string | undefined>((resolve) => {
      const reader = createInterface({ input: process.stdin, output: process.stdout, history, prompt });
      let read: string | undefined;
      reader.on("history", (entries) => (history = entries));
      reader.on("SIGINT", () => reader.write(null, { ctrl: true, name: "u" })); // forget the line
      reader.on("line", (text) => {
        read = text;
        reader.close();
      });
      reader.on("close", () => {
        if (read === undefined) process.stdout.write("\n");
        resolve(read);
      });
      reader.prompt();
      reader.write(draft);
    });
  return { isTerminal: true, next: (prompt, draft) => message(line, prompt, draft), close() {} };
}

/** Lines of standard input, whatever it is. */
export function pipedLines(): LineReader {
  const reader: Interface = createInterface({ input: process.stdin, crlfDelay: Infinity });
  const lines = reader[Symbol.asyncIterator]();
  const line = async () => {
    const { done, value } = await lines.next();
    return done ? undefined : (value as string);
  };
  return { isTerminal: false, next: () => message(line, ""), close: () => reader.close() };
}

/** Puts the lines of a message together. */
async function message(
  line: (prompt: string, draft?: string) => Promise<string | undefined>,
  prompt: string,
  draft?: string,
): Promise<string | undefined> {
  let text = await line(prompt, draft);
  if (text?.trim() === FENCE) return fenced(line);
  while (text?.endsWith("\\")) {
    const more = await line("… ");
    text = `${text.slice(0, -1)}\n${more ?? ""}`;
    if (more === undefined) break;
  }
  return text;
}

async function fenced(line: (prompt: string) => Promise<string | undefined>): Promise<string> {
  const lines: string[] = [];
  for (let next = await line("… "); next !== undefined && next.trim() !== FENCE; next = await line("… "))
    lines.push(next);
  return lines.join("\n");
}
