import { BATCH_MAX_ROWS } from "../../assembly/abi.ts";

/** Tokens up to which a job is one that makes text: a token, or those of a draft. */
export const FEW_TOKENS = 16;
/** Of the time that one prompt takes from sessions that make text: they keep three quarters of their speed. */
const SHARE = 0.25;
/** Rows of a prompt in one batch beside them: a longer batch would be felt as a stop. */
const CHUNK = 32;
/** Milliseconds that a prompt may take at once after a time without any: a short one is read without delay. */
const MOST_CREDIT = 200;

/** How many rows of a batch may be those of prompts while other sessions make text. */
export class PromptShare {
  /** Milliseconds that prompts may take now. */
  #credit = MOST_CREDIT;
  /** Milliseconds of a batch without prompts, when nothing else takes the cores. */
  #decodeTime = 0;

  /** @param making sessions that make text, @param prompts sessions that read one */
  rows(making: number, prompts: number): number {
    if (making === 0) return BATCH_MAX_ROWS;
    if (this.#credit < 0) return 0;
    return shareOf(making, prompts) > 0.5 ? BATCH_MAX_ROWS : CHUNK;
  }

  /**
   * Learns how long a batch took.
   * @param elapsed milliseconds since the batch before: beside the batch, the time in which sessions draw their tokens and
   *   a server sends them, without which the prompt would have half of its share
   */
  record(making: number, prompts: number, promptRows: number, milliseconds: number, elapsed = milliseconds): void {
    if (making === 0) return;
    if (promptRows > 0) this.#credit -= Math.max(0, milliseconds - this.#decodeTime);
    else this.#learn(milliseconds);
    this.#credit = Math.min(MOST_CREDIT, this.#credit + elapsed * shareOf(making, prompts));
  }

  /** A batch that was slow because a thread lost its core says little, and would be credit for the next prompt. */
  #learn(milliseconds: number): void {
    const isFaster = this.#decodeTime === 0 || milliseconds < this.#decodeTime;
    this.#decodeTime = isFaster ? milliseconds : this.#decodeTime + (milliseconds - this.#decodeTime) / 16;
  }
}

/** Where many prompts wait, each counts as much as a session that makes text. */
function shareOf(making: number, prompts: number): number {
  return prompts > 1 ? Math.max(SHARE, prompts / (prompts + making)) : SHARE;
}
