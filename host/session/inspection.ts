import type { StateTensor } from "../engine/state-layout.ts";

export interface InspectOptions {
  /** Also compute the head's logits after every layer (logit lens). Default false. */
  readonly lens?: boolean | undefined;
  /** Also return the state after each token. Default false. */
  readonly state?: boolean | undefined;
  /** Aborts between two tokens. */
  readonly signal?: AbortSignal | undefined;
}

export const INSPECT_OPTIONS = { lens: true, state: true, signal: true } as const satisfies Record<
  keyof InspectOptions,
  true
>;

/** The model's internal values for one token. */
export interface TokenInspection {
  readonly token: number;
  /** layers + 1 arrays of `width` values: the residual stream after the embedding (with ln0), and after each layer. */
  readonly hidden: readonly Float32Array[];
  /** layers + 1 arrays of `vocabSize` logits; the last is the model's output. */
  readonly lens?: readonly Float32Array[];
  readonly state?: readonly StateTensor[];
}
