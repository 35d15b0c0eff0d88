import { checkGenerateOptions } from "../session/checks.ts";
import { type ChatMessage, checkTools } from "./messages.ts";
import type { AnswerOptions } from "./options.ts";
import { THINK_MODES } from "./template.ts";
import { callable } from "./tools.ts";

/** @throws RangeError if there is nothing to answer or to continue */
export function checkAnswerable(messages: readonly ChatMessage[]): void {
  const last = messages.at(-1);
  if (!last || last.role === "system")
    throw new RangeError(
      `"messages" expected a last message to answer or to continue, got ${last ? "a system's" : "none"}`,
    );
  if (last.tool_calls?.length)
    throw new RangeError('"messages" expected results for the calls of the last message, got none');
}

export function checkOptions(options: AnswerOptions): void {
  checkGenerateOptions(options);
  const { think, tools } = options;
  if (think !== undefined && !THINK_MODES.includes(think))
    throw new RangeError(`"think" expected ${THINK_MODES.join(", ")}, got ${JSON.stringify(think)}`);
  if (tools !== undefined) checkTools(tools);
}

/** @throws RangeError or TypeError for contradictory options */
export function checkCalls({ tools = [], toolChoice = "auto", constraint }: AnswerOptions): void {
  const isName = typeof toolChoice === "object" && toolChoice !== null;
  if (!isName && !["auto", "required", "none"].includes(toolChoice))
    throw new RangeError(
      `"toolChoice" expected auto, required, none or { type, function: { name } }, got ${JSON.stringify(toolChoice)}`,
    );
  const { tools: called, required } = callable(tools, toolChoice);
  if (required && called.length === 0)
    throw new RangeError(
      `"toolChoice" expected ${isName ? "the name of one of the tools" : "tools to choose from"}, got ` +
        (isName ? JSON.stringify(toolChoice.function?.name) : "none"),
    );
  if (constraint !== undefined && called.length > 0)
    throw new TypeError('"constraint" expected none if tools may be called: set toolChoice to "none"');
}
