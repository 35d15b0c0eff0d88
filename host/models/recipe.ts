import type { Entry } from "./collector.ts";
import type { Shape } from "./version.ts";
import type { Weight } from "./weights.ts";

/** Everything to load into memory, in loading order. */
export interface Recipe {
  readonly shape: Shape;
  /** The naming scheme: "published", "transformers", "llama.cpp" ... */
  readonly scheme: string;
  readonly globals: readonly Entry[];
  readonly layers: readonly (readonly Entry[])[];
  /** The group norm's epsilon unless specified otherwise: that of the code such files are made for. */
  readonly groupNormEps: number;
  /** The tuned state in the model's file, one tensor per layer; undefined if there is none. */
  readonly tunedState?: readonly Weight[];
}
