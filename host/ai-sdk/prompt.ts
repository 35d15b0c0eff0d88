import type {
  LanguageModelV3Message,
  LanguageModelV3Prompt,
  LanguageModelV3ToolResultPart,
  SharedV3Warning,
} from "@ai-sdk/provider";
import type { ChatMessage, TextPart, ToolCall } from "../chat/index.ts";

/** The prompt as chat messages. @param warnings gets an entry for each part that is not text */
export function messagesOf(prompt: LanguageModelV3Prompt, warnings: SharedV3Warning[]): ChatMessage[] {
  return prompt.flatMap((message) => messageOf(message, warnings));
}

function messageOf(message: LanguageModelV3Message, warnings: SharedV3Warning[]): ChatMessage[] {
  if (message.role === "system") return [{ role: "system", content: message.content }];
  if (message.role === "user") return [{ role: "user", content: textsOf(message.content, warnings) }];
  if (message.role === "assistant") return [answerOf(message, warnings)];
  return message.content.flatMap((part) => (part.type === "tool-result" ? [resultOf(part)] : []));
}

type UserParts = Extract<LanguageModelV3Message, { role: "user" }>["content"];

function textsOf(parts: UserParts, warnings: SharedV3Warning[]): TextPart[] {
  return parts.flatMap((part) => {
    if (part.type === "text") return [{ type: "text" as const, text: part.text }];
    warnings.push({ type: "unsupported", feature: `a file of type ${part.mediaType}`, details: "It was left out." });
    return [];
  });
}

function answerOf(
  { content }: Extract<LanguageModelV3Message, { role: "assistant" }>,
  warnings: SharedV3Warning[],
): ChatMessage {
  let [text, reasoning] = ["", ""];
  const calls: ToolCall[] = [];
  for (const part of content) {
    if (part.type === "text") text += part.text;
    else if (part.type === "reasoning") reasoning += part.text;
    else if (part.type === "tool-call") {
      const given = JSON.stringify(part.input ?? {});
      calls.push({ id: part.toolCallId, type: "function", function: { name: part.toolName, arguments: given } });
    } else warnings.push({ type: "unsupported", feature: `${part.type} in an answer`, details: "It was left out." });
  }
  return {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    ...(reasoning && { reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

function resultOf({ toolCallId, output }: LanguageModelV3ToolResultPart): ChatMessage {
  const content =
    output.type === "text" || output.type === "error-text"
      ? output.value
      : output.type === "execution-denied"
        ? `The call was not allowed${output.reason ? `: ${output.reason}` : "."}`
        : JSON.stringify(output.value);
  return { role: "tool", tool_call_id: toolCallId, content };
}
