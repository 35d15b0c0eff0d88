import type { Runner } from "../engine/runner.ts";
import { bytesOf } from "../engine/state-layout.ts";
import { WkvError } from "../errors.ts";
import type { Point } from "./reader.ts";

/** A point of a session to rewind to: a copy outside the model's memory, which outlives the session. */
export class Mark {
  /** The model's. */
  readonly #runner: Runner;
  #marked: Point | undefined;

  /** @internal Use `session.mark()`. */
  constructor(runner: Runner, marked: Point) {
    this.#runner = runner;
    this.#marked = marked;
  }

  /** Size of the copy: the state and the logits after its last token; 0 after `dispose()`. */
  get bytes(): number {
    return this.#marked ? bytesOf(this.#marked.snapshot) : 0;
  }

  /** @internal @throws WkvError `disposed`; `bad-state` for a session of another model */
  open(runner: Runner): Point {
    if (!this.#marked) throw new WkvError("disposed", "The mark was disposed: mark the session again.");
    if (runner !== this.#runner)
      throw new WkvError("bad-state", "The mark is of another model's session: use it with sessions of that model.");
    return this.#marked;
  }

  /** Frees the copy. Repeated calls do nothing. */
  dispose(): void {
    this.#marked = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
