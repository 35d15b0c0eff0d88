import * as v from "valibot";
import { type Constraint, type ConstraintSource, createConstraint } from "../constraint/index.ts";
import { WkvError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { badField } from "./errors.ts";

const schema = v.record(v.string(), v.unknown());
const choices = v.pipe(v.array(v.string()), v.minLength(1, "at least one choice"));

/** The fields for structured output: OpenAI's, llama.cpp's and vLLM's. */
export const constraintFields = {
  response_format: v.optional(
    v.variant("type", [
      v.object({ type: v.literal("text") }),
      v.object({ type: v.literal("json_object"), schema: v.nullish(schema) }),
      v.object({ type: v.literal("json_schema"), json_schema: v.object({ schema }) }),
    ]),
  ),
  json_schema: v.optional(schema),
  structured_outputs: v.optional(
    v.object({ json: v.nullish(schema), regex: v.nullish(v.string()), choice: v.nullish(choices) }),
  ),
  guided_json: v.optional(schema),
  guided_regex: v.optional(v.string()),
  guided_choice: v.optional(choices),
};

const constraintSchema = v.object(constraintFields);
export type ConstraintRequest = v.InferOutput<typeof constraintSchema>;

/** Limit for a schema or expression, in bytes of JSON. */
const MAX_BYTES = 1 << 18;

/**
 * The constraint of a request, created before the answer starts: an error of the schema is an error of the request.
 * @throws HttpError 400 naming the field
 */
export function constraintOf(request: ConstraintRequest, model: Model): Constraint | undefined {
  const given = sourcesOf(request);
  if (given.length > 1)
    throw badField(given[1]!.param, `"${given[1]!.param}" and "${given[0]!.param}" both constrain the text: give one.`);
  const [{ param, source } = {}] = given;
  if (!source || !param) return undefined;
  if (JSON.stringify(source).length > MAX_BYTES)
    throw badField(param, `"${param}" expected at most ${MAX_BYTES} bytes.`);
  try {
    return createConstraint(model.tokenizer, source);
  } catch (error) {
    if (error instanceof WkvError) throw badField(param, error.message, error);
    throw error;
  }
}

function sourcesOf(request: ConstraintRequest): { param: string; source: ConstraintSource }[] {
  const { response_format: format, structured_outputs: outputs } = request;
  const sources: [param: string, kind: "schema" | "regex" | "choices", value: unknown][] = [
    ["response_format.json_schema.schema", "schema", format?.type === "json_schema" ? format.json_schema.schema : null],
    ["response_format", "schema", format?.type === "json_object" ? (format.schema ?? { type: "object" }) : null],
    ["json_schema", "schema", request.json_schema],
    ["structured_outputs.json", "schema", outputs?.json],
    ["structured_outputs.regex", "regex", outputs?.regex],
    ["structured_outputs.choice", "choices", outputs?.choice],
    ["guided_json", "schema", request.guided_json],
    ["guided_regex", "regex", request.guided_regex],
    ["guided_choice", "choices", request.guided_choice],
  ];
  return sources
    .filter(([, , value]) => value !== undefined && value !== null)
    .map(([param, kind, value]) => ({ param, source: { [kind]: value } as unknown as ConstraintSource }));
}
