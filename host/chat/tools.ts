import { trim } from "../prompt/clean.ts";
import { FENCE } from "./marks.ts";
import type { Tool, ToolCall, ToolChoice } from "./messages.ts";

/** Beginning of the line before a tool's result. */
export const RESULT = "Function output";

/**
 * The tools' description in the system message, as G1 models know it: a line each, such as `- weather(city: string)`.
 */
export function describeTools(tools: readonly Tool[], required: boolean): string {
  const lines = tools.map(({ function: { name, description, parameters } }) =>
    [`- ${name}(${signature(parameters)})`, ...(description ? [trim(description).replace(/\s+/g, " ")] : [])].join(
      ": ",
    ),
  );
  const how = required ? "Return only" : "When a tool helps, return only";
  return ["Tools:", ...lines, `${how} a JSON function call.`].join("\n");
}

function signature(parameters: Readonly<Record<string, unknown>> = {}): string {
  const properties = Object.entries((parameters.properties ?? {}) as Record<string, { type?: unknown }>);
  const required = Array.isArray(parameters.required) ? parameters.required : [];
  return properties
    .map(([name, { type }]) => `${name}${required.includes(name) ? "" : "?"}: ${type ?? "any"}`)
    .join(", ");
}

/** Calls as the model writes them: JSON in a fence, an object for one, an array for several. */
export function writeCalls(calls: readonly ToolCall[]): string {
  const plain = calls.map(({ function: { name, arguments: given } }) => ({ name, arguments: parsed(given) ?? {} }));
  return `${FENCE}\n${JSON.stringify(plain.length === 1 ? plain[0] : plain)}\n\`\`\``;
}

/**
 * The calls that a model wrote, with or without the opening of the fence.
 * @param nth number of earlier calls in the chat: ids continue from it
 * @returns undefined if the text is incomplete
 */
export function readCalls(text: string, nth: number): ToolCall[] | undefined {
  const value = parsed(trim(text).slice(text.startsWith(FENCE) ? FENCE.length : 0));
  if (value === undefined) return undefined;
  return [value].flat().map(({ name, arguments: given }, i) => ({
    id: `call_${nth + i}`,
    type: "function",
    function: { name, arguments: JSON.stringify(given) },
  }));
}

/** Which tools may be called, whether a call is required, and whether there may be only one. */
export interface Callable {
  readonly tools: readonly Tool[];
  readonly required: boolean;
  readonly one: boolean;
}

export function callable(tools: readonly Tool[] = [], choice: ToolChoice = "auto"): Callable {
  if (typeof choice !== "object")
    return { tools: choice === "none" ? [] : tools, required: choice === "required", one: false };
  return { tools: tools.filter((tool) => tool.function.name === choice?.function?.name), required: true, one: true };
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of a model may be anything
function parsed(json: string): any {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
