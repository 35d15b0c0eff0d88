import { MAX_CONFIG_BYTES, TEMPLATE_FILES } from "../source/companions.ts";
import { readBeside, type Source } from "../source/source.ts";
import { textOf } from "../source/text.ts";
import type { OpenModel } from "./open.ts";

/** A model's chat template: from its file, otherwise from a file next to it; undefined when there is none. */
export async function templateOf({ file, checkpoint: { metadata } }: OpenModel): Promise<string | undefined> {
  const own = metadata?.get("tokenizer.chat_template");
  return typeof own === "string" ? own : templateBeside(file);
}

/** The chat template in a file next to the model; undefined if there is none. */
export async function templateBeside(model: Source): Promise<string | undefined> {
  for (const name of TEMPLATE_FILES) {
    const bytes = await readBeside(model, name, MAX_CONFIG_BYTES);
    const text = bytes && textOf(bytes);
    const template = text !== undefined && name.endsWith(".json") ? templateIn(text) : text;
    if (template !== undefined) return template;
  }
  return undefined;
}

/**
 * The template in a tokenizer_config.json or chat_template.json: of several, the one named "default", else the only
 * one.
 * @returns undefined if there is none
 */
export function templateIn(json: string): string | undefined {
  const { chat_template: template } = (parse(json) ?? {}) as { chat_template?: unknown };
  if (typeof template === "string") return template;
  const named = namedTemplates(template ?? {});
  return named.get("default") ?? (named.size === 1 ? [...named.values()][0] : undefined);
}

/** From a list of `{ name, template }`, or an object keyed by name. */
function namedTemplates(templates: object): Map<unknown, string> {
  const entries: [unknown, unknown][] = Array.isArray(templates)
    ? templates.map((each) => [each?.name, each?.template])
    : Object.entries(templates);
  return new Map(entries.filter((entry): entry is [unknown, string] => typeof entry[1] === "string"));
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
