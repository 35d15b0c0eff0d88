import { createInterface } from "node:readline";
import { linesOf } from "./lines.ts";
import { type EditorOptions, type Line, LineEditor } from "./terminal/editor.ts";
import { styled } from "./terminal/style.ts";

/** A source of messages. */
export interface LineReader {
  readonly isTerminal: boolean;
  /**
   * The next message, which may have several lines; undefined at the end.
   * @param draft is in the line already, to be edited; for terminals
   */
  next(draft?: string): Promise<Message | undefined>;
  close(): void;
}

export interface Message {
  readonly text: string;
  /** Several pasted lines are one message, even if they begin like a command. */
  readonly isVerbatim: boolean;
}

type ReadLine = (prompt: string, draft?: string) => Promise<Line | undefined>;

const FENCE = '"""';

export function terminalLines(options: EditorOptions): LineReader {
  const editor = new LineEditor(options);
  const line: ReadLine = (prompt, draft) => editor.read(styled("green", prompt, process.stdout), draft);
  return { isTerminal: true, next: (draft) => message(line, draft), close: () => editor.close() };
}

/** Lines of standard input, whatever it is. */
export function pipedLines(): LineReader {
  const reader = createInterface({ input: process.stdin, crlfDelay: Infinity });
  const lines = linesOf(reader);
  const line: ReadLine = async () => {
    const { done, value } = await lines.next();
    return done ? undefined : { text: value, isPasted: false };
  };
  return { isTerminal: false, next: () => message(line), close: () => reader.close() };
}

/** Puts the lines of a message together. */
async function message(line: ReadLine, draft?: string): Promise<Message | undefined> {
  const first = await line("> ", draft);
  if (!first) return undefined;
  if (first.isPasted && first.text.includes("\n")) return { text: first.text, isVerbatim: true };
  if (first.text.trim() === FENCE) return { text: await fenced(line), isVerbatim: true };
  return { text: await continued(line, first.text), isVerbatim: false };
}

async function fenced(line: ReadLine): Promise<string> {
  const lines: string[] = [];
  for (let next = await line("… "); next && next.text.trim() !== FENCE; next = await line("… ")) lines.push(next.text);
  return lines.join("\n");
}

async function continued(line: ReadLine, text: string): Promise<string> {
  while (text.endsWith("\\")) {
    const more = await line("… ");
    text = `${text.slice(0, -1)}\n${more?.text ?? ""}`;
    if (!more) break;
  }
  return text;
}
