import type { ThinkMode } from "./template.ts";

/** How much a model thinks, by the effort names of OpenAI and the AI SDK. */
export const THINK_BY_EFFORT = {
  none: "off",
  minimal: "fake",
  low: "a bit",
  medium: "on",
  high: "a lot",
  xhigh: "a lot",
  max: "a lot",
} as const satisfies Record<string, ThinkMode>;

export type Effort = keyof typeof THINK_BY_EFFORT;

export function isEffort(name: unknown): name is Effort {
  return typeof name === "string" && Object.hasOwn(THINK_BY_EFFORT, name);
}
