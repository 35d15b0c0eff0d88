import type { Progress } from "../progress.ts";
import { Speed } from "../speed.ts";

/** Turns byte counts into progress with speed and time left. */
export class Meter {
  readonly #onProgress: (progress: Progress) => void;
  readonly #speed = new Speed();

  constructor(onProgress: (progress: Progress) => void) {
    this.#onProgress = onProgress;
  }

  /** @param total undefined when it is not known */
  downloaded(loaded: number, total = Infinity): void {
    this.#onProgress({ phase: "download", loaded, total, ...this.#speed.at(loaded, total) });
  }

  checked(loaded: number, total: number): void {
    this.#onProgress({ phase: "check", loaded, total });
  }
}
