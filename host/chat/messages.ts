/** Messages in OpenAI's format, so that code written for one chat works with the other. */

/** "developer" is OpenAI's newer name for "system". */
export type Role = "system" | "developer" | "user" | "assistant" | "tool";

/** A part of a message. Several parts are material and a question: see `questionFirst`. */
export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

export interface ToolCall {
  readonly id: string;
  readonly type: "function";
  /** `arguments` is JSON. */
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface ChatMessage {
  readonly role: Role;
  /** Null or absent only in an assistant's message with tool calls, reasoning or a refusal, and in a tool's without a result. */
  readonly content?: string | readonly TextPart[] | null;
  /** What the model thought before it answered. Kept for display; the model never reads it again. */
  readonly reasoning?: string;
  readonly tool_calls?: readonly ToolCall[] | null;
  /** For a tool's message: the call it answers. */
  readonly tool_call_id?: string;
}

/** A message that the model wrote. */
export interface AssistantMessage extends ChatMessage {
  readonly role: "assistant";
  readonly content: string | null;
  readonly tool_calls?: readonly ToolCall[];
}

/**
 * A function that the model may call. `parameters` is a JSON schema of an object, which its arguments always match;
 * without one there are no arguments. With `strict: false` the arguments are any JSON object.
 */
export interface Tool {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description?: string;
    readonly parameters?: Readonly<Record<string, unknown>>;
    readonly strict?: boolean;
  };
}

/**
 * `auto`: the model decides. `required`: the answer ends with a call, or with one of this function. `none`: no calls.
 */
export type ToolChoice =
  | "auto"
  | "required"
  | "none"
  | { readonly type: "function"; readonly function: { readonly name: string } };

const ROLES: readonly string[] = ["system", "developer", "user", "assistant", "tool"];

/** The parts of a message's content as texts. */
export function partsOf({ content }: ChatMessage): readonly string[] {
  if (content === null || content === undefined) return [];
  return typeof content === "string" ? [content] : content.map(({ text }) => text);
}

/** @throws TypeError naming the invalid message */
export function checkMessages(messages: unknown): asserts messages is readonly ChatMessage[] {
  if (!Array.isArray(messages)) throw new TypeError(`"messages" expected an array, got ${typeof messages}`);
  for (const [i, message] of messages.entries()) checkMessage(message, `messages[${i}]`);
}

function checkMessage(message: unknown, name: string): void {
  const { role, content, reasoning, tool_calls } = (message ?? {}) as Record<string, unknown>;
  if (!ROLES.includes(role as string))
    throw new TypeError(`"${name}" expected a role of ${ROLES.join(", ")}, got ${JSON.stringify(role)}`);
  const isMissing = content === null || content === undefined;
  if (
    !(typeof content === "string" || isTextParts(content) || (isMissing && (role === "assistant" || role === "tool")))
  )
    throw new TypeError(`"${name}" expected a content of text, got ${describe(content)}`);
  if (reasoning !== undefined && reasoning !== null && typeof reasoning !== "string")
    throw new TypeError(`"${name}" expected a reasoning of text, got ${describe(reasoning)}`);
  if (tool_calls !== undefined && tool_calls !== null && !(Array.isArray(tool_calls) && tool_calls.every(isToolCall)))
    throw new TypeError(`"${name}" expected tool_calls of { id, type, function: { name, arguments } }`);
}

/** Messages as the templates expect them: "developer" becomes "system", and null fields are dropped. */
export function plainMessages(messages: readonly ChatMessage[]): ChatMessage[] {
  return messages.map(({ role, content, reasoning, tool_calls, ...rest }) => ({
    ...rest,
    role: role === "developer" ? "system" : role,
    content: content ?? null,
    ...(reasoning && { reasoning }),
    ...(tool_calls && { tool_calls }),
  }));
}

function isTextParts(content: unknown): boolean {
  return Array.isArray(content) && content.every((part) => part?.type === "text" && typeof part.text === "string");
}

function isToolCall(call: unknown): boolean {
  const { name, arguments: given } = (call as ToolCall | null)?.function ?? {};
  return typeof name === "string" && typeof given === "string";
}

function describe(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array with parts that are not text" : typeof value;
}

/** @throws TypeError naming the invalid tool */
export function checkTools(tools: unknown): asserts tools is readonly Tool[] {
  if (!Array.isArray(tools)) throw new TypeError(`"tools" expected an array, got ${typeof tools}`);
  for (const [i, tool] of tools.entries()) {
    const name = tool?.function?.name;
    if (typeof name !== "string" || !/^[\w.-]{1,64}$/.test(name))
      throw new TypeError(`"tools[${i}]" expected a function with a name of letters, digits, _, - and .`);
  }
}
