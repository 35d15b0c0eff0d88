import type { Chat } from "../chat/chat.ts";
import type { AnswerOptions } from "../chat/options.ts";
import type { Answer, ChatPiece, ChatStop } from "../chat/stream.ts";
import type { Usage } from "../session/usage.ts";
import { answerOptions, chatOf, type Talk } from "./chat-talk.ts";
import { interruptible } from "./interrupt.ts";
import { note, print, printJson, withoutControls } from "./output.ts";
import { hasColors } from "./terminal/style.ts";
import { WordWrap } from "./terminal/wrap.ts";

const REASONS: Record<ChatStop, string> = {
  end: "the model ended its answer",
  stop: "the next turn would begin",
  length: "--max-tokens reached, /continue continues",
  complete: "nothing more is allowed to follow",
  tool_calls: "the model calls a tool",
};

/**
 * Streams an answer: the answer to standard output, its thought to standard error, then the counts.
 * @throws Interrupted after Ctrl-C
 */
export async function answerTo(talk: Talk, start: (chat: Chat, options: AnswerOptions) => Answer): Promise<void> {
  await interruptible(async (signal) => {
    const answer = start(chatOf(talk), answerOptions(talk, signal));
    talk.answers++;
    if (talk.options.json) for await (const piece of answer) await printJson(piece);
    else await printAnswer(answer, talk.options.quiet ?? false);
  });
}

async function printAnswer(answer: Answer, quiet: boolean): Promise<void> {
  const shown = new Shown(quiet);
  let last: ChatPiece | undefined;
  try {
    for await (const piece of answer) await shown.add((last = piece));
  } finally {
    await shown.end();
    if (!quiet && last?.usage && last.stop) note(describe(last.stop, last.usage));
    if (process.stdout.isTTY) await print("\n"); // between two turns
  }
}

/** Prints an answer as it comes: the thought in grey, an empty line, the answer; on a terminal in whole words. */
class Shown {
  readonly #quiet: boolean;
  readonly #wrap = new WordWrap(() => process.stdout.columns || 80);
  #part: "nothing" | "thought" | "answer" = "nothing";

  constructor(quiet: boolean) {
    this.#quiet = quiet;
  }

  async add({ thinking, text, toolCalls = [] }: ChatPiece): Promise<void> {
    if (thinking && !this.#quiet) this.#think(thinking);
    const calls = toolCalls.map(({ function: { name, arguments: given } }) => `${name}(${given})\n`).join("");
    if (text + calls === "") return;
    this.#endThought();
    this.#part = "answer";
    await this.#print(text + calls);
  }

  async end(): Promise<void> {
    this.#endThought();
    if (this.#part === "answer") await print(process.stdout.isTTY ? this.#wrap.push("\n") : "\n");
  }

  #print(text: string): Promise<void> {
    return print(process.stdout.isTTY ? this.#wrap.push(withoutControls(text)) : text);
  }

  #think(text: string): void {
    const start = this.#part === "nothing" && hasColors(process.stderr) ? "\x1b[2m" : "";
    this.#part = "thought";
    process.stderr.write(start + this.#thought(withoutControls(text)));
  }

  #endThought(): void {
    if (this.#part !== "thought") return;
    process.stderr.write(this.#thought("\n") + (hasColors(process.stderr) ? "\x1b[0m" : ""));
    if (process.stderr.isTTY) process.stderr.write("\n");
    this.#part = "nothing";
  }

  #thought(text: string): string {
    return process.stderr.isTTY ? this.#wrap.push(text) : text;
  }
}

function describe(stop: ChatStop, usage: Usage): string {
  const read = `read ${usage.promptTokens} tokens (${usage.promptTokensPerSecond.toFixed(1)}/s)`;
  const made = `made ${usage.completionTokens} (${usage.completionTokensPerSecond.toFixed(1)}/s)`;
  return `${read}, ${made}; ${REASONS[stop]}`;
}
