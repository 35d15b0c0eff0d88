import type { Runner } from "../engine/runner.ts";
import type { Session } from "../session/session.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * What measurements need of a model; a `Model` is one. An interface, because for one version `Model`'s deprecated
 * methods call the measurements, which therefore must not import `Model`.
 */
export interface Measurable {
  readonly info: { readonly vocabSize: number };
  readonly tokenizer: Tokenizer;
  /** @internal */
  readonly runner: Runner;
  createSession(): Session;
}
