import * as v from "valibot";
import type { Model } from "../../model/model.ts";
import { type ChatRequest, type ChatTask, chatTask, EFFORTS, type TaskLimits } from "../chat-request.ts";
import { type MessageRequest, textContent } from "../messages.ts";
import { samplingFields } from "../sampling-fields.ts";
import { stateName, stateUse } from "../state-field.ts";

const itemTypes = v.variant("type", [
  v.object({
    type: v.literal("message"),
    role: v.picklist(["system", "developer", "user", "assistant"]),
    content: textContent,
  }),
  v.object({
    type: v.literal("function_call"),
    call_id: v.string(),
    name: v.string(),
    arguments: v.string(),
  }),
  v.object({ type: v.literal("function_call_output"), call_id: v.string(), output: textContent }),
  v.object({ type: v.literal("reasoning") }),
]);

/** A message may leave its type out. */
const item = v.pipe(
  v.looseObject({}),
  v.transform((given) => ("role" in given ? { type: "message", ...given } : given)),
  itemTypes,
);

const tool = v.object({
  type: v.literal("function"),
  name: v.string(),
  description: v.nullish(v.string()),
  parameters: v.nullish(v.record(v.string(), v.unknown())),
  strict: v.nullish(v.boolean()),
});

const formatSchema = v.variant("type", [
  v.object({ type: v.literal("text") }),
  v.object({ type: v.literal("json_object") }),
  v.object({ type: v.literal("json_schema"), schema: v.record(v.string(), v.unknown()) }),
]);

const whole = v.pipe(v.number(), v.integer("a whole number"), v.minValue(1, "a whole number from 1 on"));

export const responseSchema = v.object({
  ...samplingFields,
  input: v.union([v.string(), v.pipe(v.array(item), v.minLength(1, "at least one item"))]),
  model: v.optional(v.string()),
  instructions: v.optional(v.string()),
  max_output_tokens: v.optional(whole),
  tools: v.optional(v.array(tool)),
  tool_choice: v.optional(
    v.union([v.picklist(["none", "auto", "required"]), v.object({ type: v.literal("function"), name: v.string() })]),
  ),
  text: v.optional(v.object({ format: v.nullish(formatSchema) })),
  reasoning: v.optional(v.object({ effort: v.nullish(v.picklist(EFFORTS)) })),
  stream: v.optional(v.boolean()),
  previous_response_id: v.optional(stateName),
  store: v.optional(v.boolean()),
  background: v.optional(v.literal(false)),
});

export type ResponseRequest = v.InferOutput<typeof responseSchema>;

/** @param id the response's, under which its conversation is kept unless the request says otherwise */
export function responseTask(request: ResponseRequest, model: Model, limits: TaskLimits, id: string): ChatTask {
  const { previous_response_id: from, store = true } = request;
  const state = stateUse({ from, to: store ? id : undefined }, "previous_response_id");
  return { ...chatTask(asChatRequest(request), model, limits), state };
}

function asChatRequest(request: ResponseRequest): ChatRequest {
  const { input, instructions, max_output_tokens, tools, tool_choice: choice, text, reasoning, ...others } = request;
  const items =
    typeof input === "string" ? [{ type: "message" as const, role: "user" as const, content: input }] : input;
  const system = instructions ? [{ role: "system" as const, content: instructions }] : [];
  return {
    ...others,
    messages: [...system, ...items.reduce(withItem, [] as MessageRequest[])],
    max_tokens: max_output_tokens,
    tools: tools?.map(({ type, ...tool }) => ({ type, function: tool })),
    tool_choice: typeof choice === "object" ? { type: "function", function: { name: choice.name } } : choice,
    response_format: responseFormat(text?.format),
    reasoning_effort: reasoning?.effort ?? undefined,
  };
}

/** Calls that follow an assistant's message are part of it. */
function withItem(messages: MessageRequest[], item: v.InferOutput<typeof itemTypes>): MessageRequest[] {
  if (item.type === "message") return [...messages, { role: item.role, content: item.content }];
  if (item.type === "reasoning") return messages; // it is not shown to the model again
  if (item.type === "function_call_output")
    return [...messages, { role: "tool", content: item.output, tool_call_id: item.call_id }];
  const call = { id: item.call_id, function: { name: item.name, arguments: item.arguments } };
  const last = messages.at(-1);
  if (last?.role !== "assistant") return [...messages, { role: "assistant", tool_calls: [call] }];
  return [...messages.slice(0, -1), { ...last, tool_calls: [...(last.tool_calls ?? []), call] }];
}

function responseFormat(format: v.InferOutput<typeof formatSchema> | null | undefined): ChatRequest["response_format"] {
  if (format?.type !== "json_schema") return format ?? undefined;
  return { type: "json_schema", json_schema: { schema: format.schema } };
}
