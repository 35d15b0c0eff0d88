import { trim } from "./clean.ts";
import type { Tool, ToolCall } from "./messages.ts";

/** How the line after which a tool's result comes begins. */
export const RESULT = "Function output";

/** What the system says of the tools, as G1 models have seen it: a line each, such as `- weather(city: string)`. */
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

/** The calls as the model writes them: JSON in a fence, an object for one, an array for several. */
export function writeCalls(calls: readonly ToolCall[]): string {
  const plain = calls.map(({ function: { name, arguments: given } }) => ({ name, arguments: parsed(given) ?? {} }));
  return `\`\`\`json\n${JSON.stringify(plain.length === 1 ? plain[0] : plain)}\n\`\`\``;
}

/**
 * The calls in what a model wrote, with or without the fence.
 * @param nth how many calls the chat had before: ids count on
 * @returns undefined when it is anything else than calls of these tools
 */
export function readCalls(text: string, tools: readonly Tool[], nth: number): ToolCall[] | undefined {
  const json = trim(text)
    .replace(/^```(?:json)?/, "")
    .replace(/```$/, "");
  const value = parsed(json);
  const list = Array.isArray(value) ? value : [value];
  const names = new Set(tools.map((tool) => tool.function.name));
  if (list.length === 0 || !list.every((call) => names.has(call?.name))) return undefined;
  return list.map((call, i) => ({
    id: `call_${nth + i}`,
    type: "function",
    function: { name: call.name, arguments: asJson(call.arguments ?? call.parameters ?? {}) },
  }));
}

/** Some models write the arguments as JSON within JSON. */
function asJson(given: unknown): string {
  return typeof given === "string" && parsed(given) !== undefined ? given : JSON.stringify(given);
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of a model may be anything
function parsed(json: string): any {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
