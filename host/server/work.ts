import { HttpError } from "./errors.ts";
import type { Queue } from "./queue.ts";

/** A request being answered: what ends it, and what to release afterwards. */
export class Work {
  readonly #controller = new AbortController();
  readonly #endings: (() => void)[] = [];

  constructor(request: Request, deadlineMs: number) {
    const gone = () => this.cancel();
    const late = () => this.stop(new HttpError(504, `The answer took longer than ${deadlineMs / 1000} s.`));
    const timer = setTimeout(late, deadlineMs);
    request.signal.addEventListener("abort", gone);
    this.onEnd(() => {
      clearTimeout(timer);
      request.signal.removeEventListener("abort", gone);
    });
    if (request.signal.aborted) gone();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The client has disconnected. */
  cancel(): void {
    this.stop(new HttpError(499, "The client closed the connection."));
  }

  stop(reason: HttpError): void {
    this.#controller.abort(reason);
  }

  async enter(queue: Queue, client: string, weight: number): Promise<void> {
    this.onEnd(await queue.enter(client, weight, this.signal));
  }

  onEnd(ending: () => void): void {
    this.#endings.push(ending);
  }

  /** A second call does nothing. What started last ends first. */
  end(): void {
    for (const ending of this.#endings.splice(0).reverse()) ending();
  }
}
