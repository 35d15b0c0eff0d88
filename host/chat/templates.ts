import { FORMATS, type TemplateName } from "../prompt/formats.ts";
import { type ChatTemplate, speakerTemplate } from "./template.ts";

/**
 * The templates that come with wkv.
 * @example
 * const { message } = await chat(model, [{ role: "user", content: "Hello" }], { template: templates.g1, maxTokens: 5 }).result();
 */
export const templates: Readonly<Record<TemplateName, ChatTemplate>> = {
  raven: speakerTemplate(FORMATS.raven),
  world: speakerTemplate(FORMATS.world),
  g1: speakerTemplate(FORMATS.g1),
};
