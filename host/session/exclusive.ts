import { WkvError } from "../errors.ts";

/** What is guarded: checked before a call, and released when the last call has ended. */
interface Guarded {
  /** @throws WkvError `disposed` if what it depends on is gone */
  checkAlive(): void;
  release(): void;
}

/** Allows one call at a time, and releases the state once: never while a batch may write to it. */
export class Exclusive {
  readonly #guarded: Guarded;
  #busy = false;
  #holding = false;
  #disposed = false;

  constructor(guarded: Guarded) {
    this.#guarded = guarded;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** @throws WkvError `disposed`, or `busy` while a call runs */
  checkIdle(): void {
    this.#checkAlive();
    if (this.#busy)
      throw new WkvError("busy", "The session is still working: await the previous call, or use a session per caller.");
  }

  /** Starts a call. @throws as `checkIdle` */
  begin(): void {
    this.checkIdle();
    this.#busy = true;
  }

  end(): void {
    this.#busy = false;
  }

  /** Runs a whole call. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.begin();
    try {
      return await work();
    } finally {
      this.end();
    }
  }

  /**
   * The part of a call that writes the state. If the session is disposed of meanwhile, the state is released
   * afterwards.
   */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#checkAlive();
    this.#holding = true;
    try {
      return await work();
    } finally {
      this.#holding = false;
      if (this.#disposed) this.#guarded.release();
    }
  }

  /** @returns whether this was the first time */
  dispose(): boolean {
    if (this.#disposed) return false;
    this.#disposed = true;
    if (!this.#holding) this.#guarded.release();
    return true;
  }

  #checkAlive(): void {
    this.#guarded.checkAlive();
    if (this.#disposed) throw new WkvError("disposed", "The session was disposed: create another one.");
  }
}
