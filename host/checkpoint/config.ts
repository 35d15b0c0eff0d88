import { CONFIG_FILE, MAX_CONFIG_BYTES } from "../source/companions.ts";
import { readBeside, type Source } from "../source/source.ts";
import { parseJsonObject } from "./json.ts";

/** What a repository's `config.json` says about its model. Not validated. */
export type ModelConfig = Readonly<Record<string, unknown>>;

/** File names of a repository: a `config.json` next to one of these belongs to the model. */
const PUBLISHED = /(^|[/\\])(model|pytorch_model)(-\d+-of-\d+)?\.(safetensors|bin)(\.index\.json)?$/;

/** The `config.json` next to a model file with such a name; undefined if there is none. */
export async function configBeside(source: Source): Promise<ModelConfig | undefined> {
  if (!PUBLISHED.test(source.name)) return undefined;
  const json = await readBeside(source, CONFIG_FILE, MAX_CONFIG_BYTES);
  return json && (parseJsonObject(json) as ModelConfig | undefined);
}
