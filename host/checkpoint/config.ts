import { WkvError } from "../errors.ts";
import { readBytes, type Source } from "../source/source.ts";
import { parseJsonObject } from "./json.ts";

/** What a repository's `config.json` says of its model. Nothing in it is checked. */
export type ModelConfig = Readonly<Record<string, unknown>>;

const CONFIG = "config.json";
const MAX_BYTES = 2 ** 20;

/** Files of a repository, beside which a `config.json` is the model's own. */
const PUBLISHED = /(^|[/\\])(model|pytorch_model)(-\d+-of-\d+)?\.(safetensors|bin)(\.index\.json)?$/;

/** The `config.json` beside a model file that has a repository's name; undefined when there is none. */
export async function configBeside(source: Source): Promise<ModelConfig | undefined> {
  if (!source.beside || !PUBLISHED.test(source.name)) return undefined;
  try {
    const file = await source.beside(CONFIG);
    if (file.size > MAX_BYTES) return undefined;
    return parseJsonObject(await readBytes(file, 0, file.size)) as ModelConfig | undefined;
  } catch (error) {
    if (error instanceof WkvError) return undefined;
    throw error;
  }
}
