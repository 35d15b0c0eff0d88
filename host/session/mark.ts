import type { Runner } from "../engine/runner.ts";
import { bytesOf, type Snapshot } from "../engine/state-layout.ts";
import { WkvError } from "../errors.ts";
import type { Reading } from "../state/prefix-cache.ts";

interface Moment {
  readonly snapshot: Snapshot;
  readonly reading: Reading | undefined;
}

/** A moment of a session to go back to. It is a copy outside the model's memory, and outlives its session. */
export class Mark {
  /** The model's. */
  readonly #runner: Runner;
  #moment: Moment | undefined;

  /** @internal Use `session.mark()`. */
  constructor(runner: Runner, moment: Moment) {
    this.#runner = runner;
    this.#moment = moment;
  }

  /** What it takes: the state and the logits after its last token; 0 after `dispose()`. */
  get bytes(): number {
    return this.#moment ? bytesOf(this.#moment.snapshot) : 0;
  }

  /** @internal @throws WkvError `disposed`; `bad-state` when another model asks for it */
  recall(runner: Runner): Moment {
    if (!this.#moment) throw new WkvError("disposed", "The mark was disposed: mark the session again.");
    if (runner !== this.#runner)
      throw new WkvError("bad-state", "The mark is of another model's session: use it with sessions of that model.");
    return this.#moment;
  }

  /** Lets go of the copy. Doing it twice does nothing. */
  dispose(): void {
    this.#moment = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
