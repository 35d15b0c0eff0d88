import * as v from "valibot";
import { type ChatRequest, EFFORTS } from "../chat-request.ts";
import { type MessageRequest, toolFields } from "../messages.ts";

const number = v.nullish(v.number());
const record = v.record(v.string(), v.unknown());

const options = v.object({
  temperature: number,
  top_k: number,
  top_p: number,
  min_p: number,
  typical_p: number,
  seed: number,
  num_predict: number,
  repeat_penalty: number,
  presence_penalty: number,
  frequency_penalty: number,
  mirostat: v.nullish(v.picklist([0, 2])),
  mirostat_tau: number,
  mirostat_eta: number,
  stop: v.nullish(v.union([v.string(), v.array(v.string())])),
});

/** Fields that chats and texts have in common. */
const common = {
  model: v.optional(v.string()),
  stream: v.optional(v.boolean(), true),
  format: v.optional(v.union([v.picklist(["", "json"]), record])),
  think: v.optional(v.union([v.boolean(), v.picklist(EFFORTS)])),
  options: v.optional(options),
};

const call = v.object({ function: v.object({ name: v.string(), arguments: record }) });

const message = v.variant("role", [
  v.object({ role: v.picklist(["system", "user"]), content: v.string() }),
  v.object({ role: v.literal("assistant"), content: v.nullish(v.string()), tool_calls: v.nullish(v.array(call)) }),
  v.object({ role: v.literal("tool"), content: v.string() }),
]);

export const ollamaChatSchema = v.object({
  ...common,
  messages: v.optional(v.array(message), []),
  tools: toolFields.tools,
});

export const ollamaTextSchema = v.object({
  ...common,
  prompt: v.optional(v.string(), ""),
  system: v.optional(v.string()),
  raw: v.optional(v.boolean()),
});

export type OllamaChatRequest = v.InferOutput<typeof ollamaChatSchema>;
export type OllamaTextRequest = v.InferOutput<typeof ollamaTextSchema>;

/** @throws HttpError 400 from what checks a chat's fields */
export function chatOf({ messages, tools, ...request }: OllamaChatRequest): ChatRequest {
  return { ...fieldsOf(request), messages: messages.reduce(withMessage, []), tools };
}

/** The prompt is what a user says. */
export function chatOfText({ system, prompt, ...request }: OllamaTextRequest): ChatRequest {
  const before = system ? [{ role: "system" as const, content: system }] : [];
  return { ...fieldsOf(request), messages: [...before, { role: "user", content: prompt }] };
}

/** What a chat and a text have in common, in OpenAI's terms. */
export function fieldsOf({ model, format, think, options = {} }: Omit<OllamaTextRequest, "prompt">) {
  const { num_predict: most, ...given } = options;
  const sampling = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  return {
    ...(sampling as { [Name in keyof typeof given]: NonNullable<(typeof given)[Name]> }),
    model,
    max_tokens: most && most > 0 ? most : undefined, // -1 and -2: no limit
    response_format: formatOf(format),
    reasoning_effort: think === undefined ? undefined : typeof think === "string" ? think : think ? "medium" : "none",
  } satisfies Partial<ChatRequest>;
}

function formatOf(format: OllamaTextRequest["format"]): ChatRequest["response_format"] {
  if (!format) return undefined;
  return format === "json" ? { type: "json_object" } : { type: "json_schema", json_schema: { schema: format } };
}

/** Ollama's calls have no names: results are in the order of the calls. */
function withMessage(messages: MessageRequest[], message: OllamaChatRequest["messages"][number]): MessageRequest[] {
  if (message.role === "tool") return [...messages, { ...message, tool_call_id: nextUnanswered(messages) }];
  if (message.role !== "assistant") return [...messages, message];
  const calls = message.tool_calls?.map(({ function: { name, arguments: given } }, i) => ({
    id: `call_${messages.length}_${i}`,
    function: { name, arguments: JSON.stringify(given) },
  }));
  return [...messages, { role: "assistant", content: message.content ?? "", tool_calls: calls }];
}

function nextUnanswered(messages: readonly MessageRequest[]): string | undefined {
  const answered = new Set(messages.map((message) => (message.role === "tool" ? message.tool_call_id : undefined)));
  const calls = messages.flatMap((message) => (message.role === "assistant" ? (message.tool_calls ?? []) : []));
  return calls.find(({ id }) => !answered.has(id))?.id;
}
