import { CommanderError } from "commander";
import { WkvError } from "../errors.ts";

/** Contradictory arguments. The message says what to type. */
export class UsageError extends Error {}

/** Ctrl-C. */
export class Interrupted extends Error {
  /** Whether the results so far have been reported. */
  reported = false;

  constructor() {
    super("ended by Ctrl-C");
  }
}

export interface Failure {
  /** A WkvError's code, "usage", "interrupted" or "bug". */
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
}

/** An error as reported to programs and people, with its exit code. */
export function explain(error: unknown): Failure {
  if (error instanceof WkvError) return { code: error.code, message: error.message, exitCode: 1 };
  if (error instanceof Interrupted) return { code: "interrupted", message: error.message, exitCode: 130 };
  if (error instanceof CommanderError)
    return { code: "usage", message: error.message.replace(/^error: /, ""), exitCode: 2 };
  if (error instanceof UsageError || isWrongArgument(error))
    return { code: "usage", message: asOption(error.message), exitCode: 2 };
  return { code: "bug", message: error instanceof Error ? `${error.stack}` : String(error), exitCode: 1 };
}

/** The library's message about an argument: `"topP" expected a number from 0 to 1, got 2`. */
function isWrongArgument(error: unknown): error is Error {
  return (error instanceof TypeError || error instanceof RangeError) && /^"\w+" expected /.test(error.message);
}

/** The same for the command-line option: `--top-p expected ...`. */
function asOption(message: string): string {
  return message.replace(
    /^"(\w+)" expected/,
    (_, name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} expected`,
  );
}
