import type { StateTensor } from "../engine/state-layout.ts";

export interface InspectOptions {
  /** Also the logits that the head gives after every layer (logit lens). Default false. */
  readonly lens?: boolean | undefined;
  /** Also the state after each token. Default false. */
  readonly state?: boolean | undefined;
  /** Ends it between two tokens. */
  readonly signal?: AbortSignal | undefined;
}

export const INSPECT_OPTIONS = { lens: true, state: true, signal: true } as const satisfies Record<
  keyof InspectOptions,
  true
>;

/** What the model made of one token. */
export interface TokenInspection {
  readonly token: number;
  /** layers + 1 arrays of `width` values: the residual stream after the embedding (with ln0), and after each layer. */
  readonly hidden: readonly Float32Array[];
  /** layers + 1 arrays of `vocabSize` logits: the last ones are the model's. */
  readonly lens?: readonly Float32Array[];
  readonly state?: readonly StateTensor[];
}
