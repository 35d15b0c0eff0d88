import type { Progress } from "../progress.ts";

/** Speed is measured over the last few seconds, which predicts the time left. */
const WINDOW_MS = 5000;

/** Turns byte counts into progress with speed and time left. */
export class Meter {
  readonly #onProgress: (progress: Progress) => void;
  readonly #seen: { at: number; loaded: number }[] = [];

  constructor(onProgress: (progress: Progress) => void) {
    this.#onProgress = onProgress;
  }

  /** @param total undefined if unknown */
  downloaded(loaded: number, total: number | undefined): void {
    const at = performance.now();
    this.#seen.push({ at, loaded });
    while (this.#seen.length > 2 && at - this.#seen[0]!.at > WINDOW_MS) this.#seen.shift();
    const first = this.#seen[0]!;
    const bytesPerSecond = at > first.at ? (1000 * (loaded - first.loaded)) / (at - first.at) : 0;
    const secondsLeft = total === undefined || bytesPerSecond === 0 ? Infinity : (total - loaded) / bytesPerSecond;
    this.#onProgress({ phase: "download", loaded, total: total ?? Infinity, bytesPerSecond, secondsLeft });
  }

  checked(loaded: number, total: number): void {
    this.#onProgress({ phase: "check", loaded, total });
  }
}
