/** Milliseconds that a piece of work may hold the event loop: a page that is held for 50 feels slow. */
const MOST = 8;

/** Lets the event loop turn during long work: a vocabulary of 65,536 tokens takes 150 ms before the code is compiled. */
export class Turns {
  #since = performance.now();

  /** Resolves at once while the loop has not been held for long. */
  async pause(): Promise<void> {
    if (performance.now() - this.#since < MOST) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#since = performance.now();
  }
}

/** Steps between two looks at the clock. */
export const STEPS = 512;
