import * as v from "valibot";
import type { ChatMessage, Tool, ToolChoice } from "../chat/index.ts";

const text = v.object({ type: v.picklist(["text", "input_text", "output_text"]), text: v.string() });
/** A text, or its parts. */
export const textContent = v.union([v.string(), v.array(text)]);

const toolCall = v.object({
  id: v.string(),
  function: v.object({ name: v.string(), arguments: v.string() }),
});

const refusal = v.pipe(
  v.object({ type: v.literal("refusal"), refusal: v.string() }),
  v.transform(({ refusal: said }) => ({ type: "text" as const, text: said })),
);

/** A message as sent by OpenAI's clients. */
export const messageSchema = v.variant("role", [
  v.object({ role: v.picklist(["system", "developer", "user"]), content: textContent }),
  v.object({
    role: v.literal("assistant"),
    content: v.nullish(v.union([v.string(), v.array(v.union([text, refusal]))])),
    reasoning_content: v.nullish(v.string()),
    tool_calls: v.nullish(v.array(toolCall)),
  }),
  v.object({ role: v.literal("tool"), content: v.nullish(textContent), tool_call_id: v.nullish(v.string()) }),
]);

export type MessageRequest = v.InferOutput<typeof messageSchema>;

export const messagesField = v.pipe(v.array(messageSchema), v.minLength(1, "at least one message"));

/** The message in the library's format. */
export function asChatMessage(message: MessageRequest): ChatMessage {
  const { role } = message;
  if (role === "assistant") return assistantMessage(message);
  const said = parts(message.content ?? "");
  if (role !== "tool") return { role: role === "user" ? "user" : "system", content: said };
  return { role, content: said, ...(message.tool_call_id && { tool_call_id: message.tool_call_id }) };
}

function assistantMessage(message: Extract<MessageRequest, { role: "assistant" }>): ChatMessage {
  const { content, reasoning_content: reasoning, tool_calls: calls } = message;
  const hasCalls = calls && calls.length > 0;
  return {
    role: "assistant",
    content: parts(content ?? (hasCalls ? null : "")),
    ...(reasoning && { reasoning }),
    ...(hasCalls && { tool_calls: calls.map((call) => ({ ...call, type: "function" as const })) }),
  };
}

type Content = v.InferOutput<typeof textContent>;

function parts<C extends Content | null>(said: C): ChatMessage["content"] {
  return Array.isArray(said) ? said.map(({ text }) => ({ type: "text" as const, text })) : (said as string | null);
}

const toolSchema = v.object({
  type: v.literal("function"),
  function: v.object({
    name: v.string(),
    description: v.nullish(v.string()),
    parameters: v.nullish(v.record(v.string(), v.unknown())),
    strict: v.nullish(v.boolean()),
  }),
});

const namedTool = v.object({ type: v.literal("function"), function: v.object({ name: v.string() }) });

/** Limited, because the model reads the description of each. */
const MAX_TOOLS = 128;

export const toolFields = {
  tools: v.optional(v.pipe(v.array(toolSchema), v.maxLength(MAX_TOOLS, `at most ${MAX_TOOLS} tools`))),
  tool_choice: v.optional(v.union([v.picklist(["none", "auto", "required"]), namedTool])),
};

const toolsSchema = v.object(toolFields);

export function toolOptions(request: v.InferOutput<typeof toolsSchema>): {
  tools?: readonly Tool[];
  toolChoice?: ToolChoice;
} {
  const { tools = [], tool_choice: toolChoice } = request;
  if (tools.length === 0 && (!toolChoice || toolChoice === "auto" || toolChoice === "none")) return {};
  return { tools: tools.map(asTool), ...(toolChoice && { toolChoice }) };
}

/** Arguments must match the schema unless the request says `strict: false`. */
function asTool({ function: { name, description, parameters, strict } }: v.InferOutput<typeof toolSchema>): Tool {
  return {
    type: "function",
    function: {
      name,
      ...(description && { description }),
      ...(parameters && { parameters }),
      ...(strict === false && { strict }),
    },
  };
}
