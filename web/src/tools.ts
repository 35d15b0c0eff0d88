// Functions that the model may call, as the user describes them.
import { signal } from "@preact/signals";
import type { Tool, ToolChoice } from "wkv/chat";

export interface ToolDraft {
  readonly name: string;
  readonly description: string;
  /** A JSON schema, as text. */
  readonly parameters: string;
}

export const tools = signal<readonly ToolDraft[]>([]);

export const TOOL_CHOICES = ["auto", "required", "none"] as const satisfies readonly ToolChoice[];
/** Whether the model decides to call one, has to, or may not. */
export const toolChoice = signal<(typeof TOOL_CHOICES)[number]>("auto");

export const NEW_TOOL: ToolDraft = {
  name: "weather",
  description: "The weather in a city",
  parameters: JSON.stringify(
    {
      type: "object",
      properties: { city: { type: "string" }, unit: { enum: ["celsius", "fahrenheit"] } },
      required: ["city"],
      additionalProperties: false,
    },
    null,
    1,
  ),
};

/** @throws SyntaxError for a schema that is not JSON */
export function toolList(): Tool[] {
  return tools.value.map(({ name, description, parameters }) => ({
    type: "function",
    function: { name, description, parameters: JSON.parse(parameters) },
  }));
}

export type Field = "string" | "number" | "integer" | "boolean" | "choice";

/** A property of an object's schema, as a form shows it. */
export interface Property {
  readonly name: string;
  readonly field: Field;
  readonly choices: readonly string[];
  readonly required: boolean;
}

interface ObjectSchema {
  type?: unknown;
  properties?: Record<string, { type?: unknown; enum?: unknown[] }>;
  required?: string[];
}

/** @returns undefined for a text that is no schema of an object, or has what a form does not show */
export function propertiesOf(schema: string): Property[] | undefined {
  try {
    const { type, properties = {}, required = [] } = JSON.parse(schema) as ObjectSchema;
    if (type !== "object") return undefined;
    return Object.entries(properties).map(([name, { type, enum: choices }]) => ({
      name,
      field: choices ? "choice" : fieldOf(type),
      choices: (choices ?? []).map(String),
      required: required.includes(name),
    }));
  } catch {
    return undefined;
  }
}

function fieldOf(type: unknown): Field {
  if (type === "string" || type === "number" || type === "integer" || type === "boolean") return type;
  throw new TypeError(`${type}`);
}

export function schemaOf(properties: readonly Property[]): string {
  const schema = {
    type: "object",
    properties: Object.fromEntries(
      properties.map(({ name, field, choices }) => [name, field === "choice" ? { enum: choices } : { type: field }]),
    ),
    required: properties.filter(({ required }) => required).map(({ name }) => name),
    additionalProperties: false,
  };
  return JSON.stringify(schema, null, 1);
}
