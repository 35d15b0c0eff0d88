import type { LanguageModelV3CallOptions, SharedV3Warning } from "@ai-sdk/provider";
import { isEffort, THINK_BY_EFFORT } from "../chat/efforts.ts";
import type { AnswerOptions, Tool, ToolChoice } from "../chat/index.ts";
import type { ConstraintSource, JsonSchema } from "../constraint/index.ts";

/** Translates a call's options. Anything wkv does not support becomes a warning, never an error. */
export function answerOptions(call: LanguageModelV3CallOptions, warnings: SharedV3Warning[]): AnswerOptions {
  const { reasoning } = call as { reasoning?: string }; // of `ai` 7
  const think = isEffort(reasoning) ? THINK_BY_EFFORT[reasoning] : undefined;
  return {
    maxTokens: call.maxOutputTokens,
    temperature: call.temperature,
    topP: call.topP,
    topK: call.topK,
    presencePenalty: call.presencePenalty,
    frequencyPenalty: call.frequencyPenalty,
    seed: call.seed,
    stop: call.stopSequences,
    signal: call.abortSignal,
    ...(think && { think }),
    ...tools(call, warnings),
    ...constraint(call, warnings),
    ...call.providerOptions?.wkv, // options of the library under their names
  };
}

function tools(
  { tools = [], toolChoice }: LanguageModelV3CallOptions,
  warnings: SharedV3Warning[],
): { tools?: Tool[]; toolChoice?: ToolChoice } {
  const functions: Tool[] = [];
  for (const tool of tools) {
    if (tool.type === "function") functions.push(functionOf(tool));
    else warnings.push({ type: "unsupported", feature: `the tool ${tool.name} of a provider` });
  }
  if (functions.length === 0) return {};
  if (toolChoice?.type !== "tool") return { tools: functions, ...(toolChoice && { toolChoice: toolChoice.type }) };
  return { tools: functions, toolChoice: { type: "function", function: { name: toolChoice.toolName } } };
}

type FunctionTool = Extract<NonNullable<LanguageModelV3CallOptions["tools"]>[number], { type: "function" }>;

function functionOf({ name, description, inputSchema, strict }: FunctionTool): Tool {
  return {
    type: "function",
    function: {
      name,
      ...(description && { description }),
      parameters: inputSchema as Record<string, unknown>,
      ...(strict === false && { strict }),
    },
  };
}

function constraint(
  { responseFormat, tools = [], toolChoice }: LanguageModelV3CallOptions,
  warnings: SharedV3Warning[],
): { constraint?: ConstraintSource } {
  if (responseFormat?.type !== "json") return {};
  if (tools.length > 0 && toolChoice?.type !== "none") {
    warnings.push({ type: "unsupported", feature: "responseFormat beside tools" });
    return {};
  }
  return { constraint: { schema: (responseFormat.schema ?? { type: "object" }) as JsonSchema } };
}
