import { CONFIG_FILE, MAX_CONFIG_BYTES } from "../source/companions.ts";
import { readBeside, type Source } from "../source/source.ts";
import { parseJsonObject } from "./json.ts";

/** What a repository's `config.json` says of its model. Nothing in it is checked. */
export type ModelConfig = Readonly<Record<string, unknown>>;

/** Files of a repository, beside which a `config.json` is the model's own. */
const PUBLISHED = /(^|[/\\])(model|pytorch_model)(-\d+-of-\d+)?\.(safetensors|bin)(\.index\.json)?$/;

/** The `config.json` beside a model file that has a repository's name; undefined when there is none. */
export async function configBeside(source: Source): Promise<ModelConfig | undefined> {
  if (!PUBLISHED.test(source.name)) return undefined;
  const json = await readBeside(source, CONFIG_FILE, MAX_CONFIG_BYTES);
  return json && (parseJsonObject(json) as ModelConfig | undefined);
}
