/**
 * The shapes of OpenAI's answers as JSON schemas, written from its API reference. They are closed: a field that is not
 * listed is an error, and what other servers add (llama.cpp's `timings`) is listed as such.
 */
import { Ajv } from "ajv";

type Schema = Record<string, unknown>;

const text = { type: "string" };
const count = { type: "integer", minimum: 0 };
const nullable = (schema: Schema): Schema => ({ anyOf: [schema, { type: "null" }] });
const list = (items: Schema): Schema => ({ type: "array", items });
/** All fields are required but those that end with "?". */
const shape = (fields: Record<string, Schema>): Schema => ({
  type: "object",
  properties: Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name.replace("?", ""), schema])),
  required: Object.keys(fields).filter((name) => !name.endsWith("?")),
  additionalProperties: false,
});

const usage = shape({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: shape({ cached_tokens: count }),
  completion_tokens_details: shape({ reasoning_tokens: count }),
});

const number = { type: "number", minimum: 0 };
const timings = shape({
  cache_n: count,
  prompt_n: count,
  prompt_ms: number,
  prompt_per_second: number,
  predicted_n: count,
  predicted_ms: number,
  predicted_per_second: number,
});

const score = { token: text, logprob: { type: "number", maximum: 0 }, bytes: list(count) };
const logprobs = nullable(
  shape({ content: list(shape({ ...score, top_logprobs: list(shape(score)) })), refusal: { type: "null" } }),
);
const finish = { enum: ["stop", "length", "tool_calls"] };
const head = { id: text, created: count, model: text, system_fingerprint: text };
const call = shape({
  id: text,
  type: { const: "function" },
  function: shape({ name: text, arguments: text }),
});

const SHAPES = {
  completion: shape({
    ...head,
    object: { const: "chat.completion" },
    choices: list(
      shape({
        index: count,
        message: shape({
          role: { const: "assistant" },
          content: nullable(text),
          refusal: { type: "null" },
          "reasoning_content?": text,
          "tool_calls?": { ...list(call), minItems: 1 },
        }),
        logprobs,
        finish_reason: finish,
      }),
    ),
    usage,
    timings,
  }),
  chunk: shape({
    ...head,
    object: { const: "chat.completion.chunk" },
    choices: list(
      shape({
        index: count,
        delta: shape({
          "role?": { const: "assistant" },
          "content?": text,
          "reasoning_content?": { ...text, minLength: 1 },
          "tool_calls?": list(
            shape({
              index: count,
              "id?": text,
              "type?": { const: "function" },
              function: shape({ "name?": text, arguments: text }),
            }),
          ),
        }),
        logprobs,
        finish_reason: nullable(finish),
      }),
    ),
    "usage?": nullable(usage),
    "timings?": timings,
  }),
  text: shape({
    ...head,
    object: { const: "text_completion" },
    choices: list(
      shape({
        index: count,
        text,
        logprobs: nullable(
          shape({
            tokens: list(text),
            token_logprobs: list(nullable({ type: "number", maximum: 0 })),
            top_logprobs: list(nullable({ type: "object", additionalProperties: { type: "number" } })),
            text_offset: list(count),
          }),
        ),
        finish_reason: nullable(finish),
      }),
    ),
    "usage?": nullable(usage),
    "timings?": timings,
  }),
  error: shape({
    error: shape({ message: { ...text, minLength: 10 }, type: text, param: nullable(text), code: nullable(text) }),
  }),
};

const ajv = new Ajv({ allErrors: true });
const validators = Object.fromEntries(Object.entries(SHAPES).map(([name, schema]) => [name, ajv.compile(schema)]));

/** @throws with what is wrong */
export function checkShape(name: keyof typeof SHAPES, value: unknown): void {
  const validate = validators[name]!;
  if (!validate(value)) throw new Error(`${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`);
}
