/** Tokens in a window of measured times, and in a trial. */
const WINDOW = 16;
const TRIAL = 8;
/** Tokens ignored at first: V8 recompiles the kernels while they run, which makes their times uneven. */
const WARM_UP = 24;
/** Mean over best time of a window above which threads seem to wait for a preempted one. */
const STALLING = 1.2;
/** Tokens between trials: the first interval, and the longest. */
const FIRST_HOLD = 64;
const LONGEST_HOLD = 1024;

/**
 * How many threads should decode. A phase ends with its slowest unit: when other programs need the cores, a thread
 * preempted in the middle of a unit stalls all others until it runs again, and fewer threads are faster. The symptom is
 * times far above the best one; then half the threads are tried, and kept as long as they are faster. The results have
 * the same bits for any number.
 */
export class ThreadCount {
  readonly #most: number;
  #size: number;
  /** The number and mean time to compare a trial with; 0 threads if there is no trial. */
  #before = { size: 0, mean: 0 };
  #times: number[] = [];
  #hold = FIRST_HOLD;
  #wait = 0;
  #warmUp = WARM_UP;

  constructor(threads: number) {
    this.#most = threads;
    this.#size = threads;
  }

  /** Threads for a batch of this many rows. More than one row is enough work for all threads. */
  forRows(rows: number): number {
    return rows > 1 ? this.#most : this.#size;
  }

  /** Records how long a batch took. */
  record(rows: number, milliseconds: number): void {
    if (rows > 1 || this.#most === 1 || this.#warmUp-- > 0) return;
    this.#times.push(milliseconds);
    if (this.#wait > 0) this.#wait--;
    if (this.#before.size) {
      if (this.#times.length === TRIAL) this.#endTrial();
    } else if (this.#times.length === WINDOW) {
      if (this.#wait === 0) this.#tryAnother();
      this.#times = [];
    }
  }

  #tryAnother(): void {
    const stalling = mean(this.#times) > STALLING * Math.min(...this.#times);
    if (stalling && this.#size > 1) this.#tryOut(Math.ceil(this.#size / 2));
    else if (this.#size < this.#most) this.#tryOut(Math.min(this.#size * 2, this.#most));
  }

  #tryOut(size: number): void {
    this.#before = { size: this.#size, mean: mean(this.#times) };
    this.#size = size;
  }

  /** More threads must be clearly faster to be kept, fewer only faster. */
  #endTrial(): void {
    const needed = this.#size > this.#before.size ? 0.95 : 1;
    const better = mean(this.#times) < needed * this.#before.mean;
    this.#hold = better ? FIRST_HOLD : Math.min(this.#hold * 2, LONGEST_HOLD);
    if (!better) this.#size = this.#before.size;
    this.#before.size = 0;
    this.#wait = this.#hold;
    this.#times = [];
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
