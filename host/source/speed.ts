/** Speed is that of the last few seconds: what matters for the time left. */
const WINDOW_MS = 5000;

/** Turns counts of bytes into a speed and the time left. */
export class Speed {
  readonly #seen: { at: number; loaded: number }[] = [];

  /** @param total Infinity when it is not known */
  at(loaded: number, total: number): { bytesPerSecond: number; secondsLeft: number } {
    const at = performance.now();
    this.#seen.push({ at, loaded });
    while (this.#seen.length > 2 && at - this.#seen[0]!.at > WINDOW_MS) this.#seen.shift();
    const first = this.#seen[0]!;
    const bytesPerSecond = at > first.at ? (1000 * (loaded - first.loaded)) / (at - first.at) : 0;
    return { bytesPerSecond, secondsLeft: bytesPerSecond > 0 ? (total - loaded) / bytesPerSecond : Infinity };
  }
}
