import { FORMATS, type TemplateName } from "../prompt/formats.ts";
import { type ChatTemplate, speakerTemplate } from "./template.ts";

/** The bundled templates. */
export const templates: Readonly<Record<TemplateName, ChatTemplate>> = {
  raven: speakerTemplate(FORMATS.raven),
  world: speakerTemplate(FORMATS.world),
  g1: speakerTemplate(FORMATS.g1),
};
