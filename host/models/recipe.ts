import type { Entry } from "./collector.ts";
import type { Shape } from "./version.ts";
import type { Weight } from "./weights.ts";

/** Everything that has to be in memory, in the order in which it is loaded. */
export interface Recipe {
  readonly shape: Shape;
  /** Whose names the tensors have: "published", "transformers", "llama.cpp" ... */
  readonly scheme: string;
  readonly globals: readonly Entry[];
  readonly layers: readonly (readonly Entry[])[];
  /** The group norm's epsilon, where nobody says another: that of the code which such files are made for. */
  readonly groupNormEps: number;
  /** The tuned state that is in the model's file, a tensor for each layer; undefined when there is none. */
  readonly tunedState?: readonly Weight[];
}
