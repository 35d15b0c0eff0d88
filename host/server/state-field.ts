import * as v from "valibot";

/** Names stay within their client's prefix: no slashes, no colons, no leading dot. */
export const NAME = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/;

export const stateName = v.pipe(v.string(), v.regex(NAME, "a name of 1 to 128 letters, digits, _, - and ."));

/** `"name"`, or `{ from, to }`. */
export const stateField = v.optional(
  v.union([stateName, v.object({ from: v.nullish(stateName), to: v.nullish(stateName) })]),
);

/** The named state to continue from, and the one to write. */
export interface StateUse {
  readonly from: string | undefined;
  /** Whether `from` may be missing: the text then begins from nothing. */
  readonly optional: boolean;
  readonly to: string | undefined;
  /** The request's field, for errors. */
  readonly param: string;
}

/** A bare name is both: the conversation continues from it and is stored under it. */
export function stateUse(field: v.InferOutput<typeof stateField>, param = "state"): StateUse {
  if (typeof field === "string") return { from: field, optional: true, to: field, param };
  return { from: field?.from ?? undefined, optional: false, to: field?.to ?? undefined, param };
}
