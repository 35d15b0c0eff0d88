import type { AIMessage, BaseMessage, ToolMessage } from "@langchain/core/messages";
import type { ChatMessage, ToolCall } from "../chat/index.ts";

const ROLES: Readonly<Record<string, "system" | "user">> = {
  system: "system",
  developer: "system",
  human: "user",
  generic: "user",
};

/** @throws TypeError for a message of another kind, or with anything but text */
export function asChatMessage(message: BaseMessage): ChatMessage {
  const type = message.getType();
  const text = textOf(message);
  if (type === "ai") return answerOf(message as AIMessage, text);
  if (type === "tool") return { role: "tool", content: text, tool_call_id: (message as ToolMessage).tool_call_id };
  const role = ROLES[type];
  if (!role) throw new TypeError(`"messages" expected system, human, ai and tool messages, got one of type ${type}`);
  return { role, content: text };
}

function answerOf({ tool_calls: calls = [] }: AIMessage, text: string): ChatMessage {
  if (calls.length === 0) return { role: "assistant", content: text };
  const called = calls.map(({ id = "", name, args }): ToolCall => {
    return { id, type: "function", function: { name, arguments: JSON.stringify(args) } };
  });
  return { role: "assistant", content: text || null, tool_calls: called };
}

function textOf({ content }: BaseMessage): string {
  if (typeof content === "string") return content;
  const other = content.find((part) => part.type !== "text" && part.type !== "tool_use");
  if (other) throw new TypeError(`"messages" expected parts of text, got one of type ${other.type}`);
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}
