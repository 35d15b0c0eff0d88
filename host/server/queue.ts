import { HttpError } from "./errors.ts";

export interface QueueLimits {
  /** Texts generated at the same time. */
  readonly parallel: number;
  /** Requests that may wait for their turn. */
  readonly waiting: number;
}

interface Waiter {
  readonly weight: number;
  start(): void;
}

/** A fair queue: clients take turns, and each client's requests are served in order. */
export class Queue {
  readonly #limits: QueueLimits;
  /** By client; the next one comes first. */
  readonly #waiting = new Map<string, Waiter[]>();
  #running = 0;
  /** Average duration of requests, weighted towards the latest. */
  #seconds = 1;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    let count = 0;
    for (const waiters of this.#waiting.values()) count += waiters.length;
    return count;
  }

  /**
   * @param weight number of texts of the request
   * @returns a function to call when they are done
   * @throws HttpError 429 if too many are waiting; the signal's reason
   */
  async enter(client: string, weight: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#running + weight > this.#limits.parallel || this.waiting > 0) await this.#wait(client, weight, signal);
    else this.#running += weight;
    const started = performance.now();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#seconds += ((performance.now() - started) / 1000 - this.#seconds) / 8;
      this.#running -= weight;
      this.#next();
    };
  }

  #wait(client: string, weight: number, signal: AbortSignal): Promise<void> {
    if (this.waiting >= this.#limits.waiting) throw this.#full();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        weight,
        start: () => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      const leave = () => {
        this.#remove(client, waiter);
        reject(signal.reason);
        this.#next();
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.set(client, [...(this.#waiting.get(client) ?? []), waiter]);
    });
  }

  /** Starts as many requests as fit, one per client in turn. */
  #next(): void {
    for (const [client, [first]] of this.#waiting) {
      if (!first || this.#running + first.weight > this.#limits.parallel) return;
      this.#running += first.weight;
      this.#remove(client, first);
      const rest = this.#waiting.get(client);
      if (rest && this.#waiting.delete(client)) this.#waiting.set(client, rest);
      first.start();
    }
  }

  #remove(client: string, waiter: Waiter): void {
    const rest = (this.#waiting.get(client) ?? []).filter((each) => each !== waiter);
    if (rest.length > 0) this.#waiting.set(client, rest);
    else this.#waiting.delete(client);
  }

  #full(): HttpError {
    const seconds = Math.ceil((this.#seconds * this.waiting) / this.#limits.parallel) || 1;
    return new HttpError(429, `${this.waiting} requests are already waiting: try again in ${seconds} s.`, {
      code: "queue_full",
      headers: { "retry-after": String(seconds) },
    });
  }
}
