import type { ModelInfo } from "../model/model.ts";
import { isTemplateName, type TemplateName } from "../prompt/formats.ts";
import { jinjaTemplate, looksLikeJinja } from "./jinja/template.ts";
import type { ChatTemplate } from "./template.ts";
import { templates } from "./templates.ts";

/** What determines a template: facts about the model, and the kind of vocabulary. */
export interface TemplateHints {
  readonly info: Pick<ModelInfo, "architecture" | "chatTemplate" | "name">;
  readonly tokenizer: { readonly kind: string };
}

/**
 * The template of a model: the caller's choice, else the file's (`tokenizer.chat_template` of a GGUF, or a Jinja
 * template in `chat_template.jinja` or `tokenizer_config.json` next to it), else by the model's name (raven, pile,
 * world, g0, g1), else `raven` for RWKV-4 with the Pile vocabulary and `world` for all others.
 * @param wanted a name, a Jinja template, or a custom object
 * @throws WkvError `bad-file` for a Jinja template that cannot be used; RangeError for an unknown name
 * @example
 * const { name } = await chooseTemplate(model);
 * console.log(name);
 */
export async function chooseTemplate(model: TemplateHints, wanted?: string | ChatTemplate): Promise<ChatTemplate> {
  if (typeof wanted === "object") return checkTemplate(wanted);
  if (wanted !== undefined) return named(wanted);
  const { chatTemplate, name } = model.info;
  if (chatTemplate !== undefined && looksLikeJinja(chatTemplate))
    return jinjaTemplate(chatTemplate, `the chat template of ${name}`);
  return templates[byName(name) ?? (model.tokenizer.kind === "neox" ? "raven" : "world")];
}

function named(wanted: string): ChatTemplate | Promise<ChatTemplate> {
  if (looksLikeJinja(wanted)) return jinjaTemplate(wanted);
  if (wanted === "rwkv-world") return templates.world;
  if (isTemplateName(wanted)) return templates[wanted];
  const names = Object.keys(templates).join(", ");
  throw new RangeError(`"template" expected ${names} or a Jinja template, got ${JSON.stringify(wanted)}`);
}

/** Names such as rwkv7-g1b-1.5b-20251202-ctx8192, RWKV-4-Raven-1B5-v12, RWKV-5-World-0.4B-v2. */
function byName(name: string): TemplateName | undefined {
  if (/(?:^|[^a-z0-9])g[01][a-z]?\d?(?:[^a-z0-9]|$)/i.test(name)) return "g1";
  if (/world/i.test(name)) return "world";
  if (/raven|pile/i.test(name)) return "raven";
  return undefined;
}

function checkTemplate(template: ChatTemplate): ChatTemplate {
  if (typeof template?.prompt !== "function" || !Array.isArray(template.stops))
    throw new TypeError('"template" expected an object with stops and prompt(messages, options)');
  return template;
}
