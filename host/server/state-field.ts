import * as v from "valibot";

/** Names stay within their client's prefix: no slashes, no colons, no dot in front. */
export const NAME = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/;

export const stateName = v.pipe(v.string(), v.regex(NAME, "a name of 1 to 128 letters, digits, _, - and ."));

/** `"name"`, or `{ from, to }`. */
export const stateField = v.optional(
  v.union([stateName, v.object({ from: v.nullish(stateName), to: v.nullish(stateName) })]),
);

/** Which named state a text goes on from, and which one it leaves. */
export interface StateUse {
  readonly from: string | undefined;
  /** Whether `from` may be missing: the text then begins from nothing. */
  readonly optional: boolean;
  readonly to: string | undefined;
  /** The request's field, for errors. */
  readonly param: string;
}

/** A name alone is both: the conversation goes on from there and is kept there. */
export function stateUse(field: v.InferOutput<typeof stateField>, param = "state"): StateUse {
  if (typeof field === "string") return { from: field, optional: true, to: field, param };
  return { from: field?.from ?? undefined, optional: false, to: field?.to ?? undefined, param };
}
