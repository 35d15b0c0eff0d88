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
  completion_tokens_details: shape({
    reasoning_tokens: count,
    "accepted_prediction_tokens?": count,
    "rejected_prediction_tokens?": count,
  }),
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

const itemStatus = { enum: ["completed", "incomplete"] };
const outputItem = {
  anyOf: [
    shape({
      type: { const: "message" },
      id: text,
      role: { const: "assistant" },
      status: itemStatus,
      content: list(
        shape({ type: { const: "output_text" }, text, annotations: list({ not: {} }), logprobs: list({ not: {} }) }),
      ),
    }),
    shape({
      type: { const: "reasoning" },
      id: text,
      status: itemStatus,
      summary: list({ not: {} }),
      content: list(shape({ type: { const: "reasoning_text" }, text })),
    }),
    shape({
      type: { const: "function_call" },
      id: text,
      call_id: text,
      name: text,
      arguments: text,
      status: itemStatus,
    }),
  ],
};

const SHAPES = {
  response: shape({
    id: { ...text, pattern: "^resp_" },
    object: { const: "response" },
    created_at: count,
    status: itemStatus,
    error: { type: "null" },
    incomplete_details: nullable(shape({ reason: { const: "max_output_tokens" } })),
    instructions: nullable(text),
    max_output_tokens: nullable(count),
    metadata: { type: "object" },
    model: text,
    output: list(outputItem),
    parallel_tool_calls: { type: "boolean" },
    previous_response_id: nullable(text),
    reasoning: shape({ effort: nullable(text), summary: { type: "null" } }),
    store: { type: "boolean" },
    temperature: nullable({ type: "number" }),
    text: shape({ format: { type: "object", required: ["type"] } }),
    tool_choice: { anyOf: [text, { type: "object" }] },
    tools: list({ type: "object", required: ["type", "name"] }),
    top_p: nullable({ type: "number" }),
    truncation: { const: "disabled" },
    usage: shape({
      input_tokens: count,
      input_tokens_details: shape({ cached_tokens: count }),
      output_tokens: count,
      output_tokens_details: shape({ reasoning_tokens: count }),
      total_tokens: count,
    }),
  }),
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
