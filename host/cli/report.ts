import type { Piece, StopReason } from "../session/generate.ts";
import type { GenerateOptions } from "../session/session.ts";

const REASONS: Record<StopReason | "interrupted", string> = {
  end: "the model ended the text",
  stop: "a --stop text occurred",
  length: "--max-tokens reached",
  complete: "the text is complete",
  interrupted: "ended by Ctrl-C",
};

/** Counts tokens and time while a text is generated. */
export class Report {
  /** Why the text ended; undefined until then. */
  reason: StopReason | "interrupted" | undefined;
  #complete: boolean | undefined;
  readonly #seed: number | undefined;
  #start = performance.now();
  #read = { tokens: 0, seconds: 0 };
  #made = { tokens: 0, seconds: 0 };

  constructor({ seed, temperature }: GenerateOptions) {
    this.#seed = temperature === 0 ? undefined : seed;
  }

  /** The prompt has been read. */
  read(tokens: number): void {
    this.#read = { tokens, seconds: this.#elapsed() };
    this.#start = performance.now();
  }

  /** One more token has been generated. */
  made({ stop, complete }: Piece): void {
    this.#made = { tokens: this.#made.tokens + 1, seconds: this.#elapsed() };
    this.reason = stop;
    this.#complete = complete;
  }

  toJSON() {
    return {
      reason: this.reason,
      complete: this.#complete,
      read: this.#read.tokens,
      made: this.#made.tokens,
      seed: this.#seed,
      readPerSecond: rate(this.#read),
      madePerSecond: rate(this.#made),
    };
  }

  /** One line for people. */
  toString(): string {
    const { read, made, readPerSecond, madePerSecond, seed, reason, complete } = this.toJSON();
    const counts = `read ${read} tokens (${readPerSecond}/s), made ${made} (${madePerSecond}/s)`;
    const why = `${reason && REASONS[reason]}${complete === false ? ", and the text is not complete" : ""}`;
    return `${counts}; ${why}${seed === undefined ? "" : `; seed ${seed}`}`;
  }

  #elapsed(): number {
    return (performance.now() - this.#start) / 1000;
  }
}

/** Tokens per second, to a tenth. */
function rate({ tokens, seconds }: { tokens: number; seconds: number }): number {
  return seconds > 0 ? Math.round((10 * tokens) / seconds) / 10 : 0;
}
