import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { WkvError } from "../../errors.ts";

/** What the model in a folder is called, as published; the first that is there is taken. */
const PUBLISHED = [
  "model.safetensors.index.json",
  "model.safetensors",
  "pytorch_model.bin.index.json",
  "pytorch_model.bin",
];

const MODEL = /\.(pth|pt|safetensors|st|gguf|bin)$/i;
/** Parts of a model that come after its first one. */
const LATER_PART = /-(?!0*1-of)\d+-of-\d+\.\w+$/;
/** Files that lie beside models and are none. */
const OTHER = /^(training_args|optimizer|scheduler|scaler|rng_state\w*|tokenizer)\./;

/**
 * The path of the model file in a folder, such as a downloaded repository: the published name, else the only file that
 * could be a model. Undefined when the path is no folder.
 * @throws WkvError `bad-file` when there is none or more than one
 */
export async function modelFileIn(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined); // what is wrong with it, opening it will tell
  if (!found?.isDirectory()) return undefined;
  const names = await readdir(path);
  const published = PUBLISHED.find((name) => names.includes(name));
  if (published) return join(path, published);
  const models = names.filter((name) => MODEL.test(name) && !LATER_PART.test(name) && !OTHER.test(name)).sort();
  if (models.length === 1) return join(path, models[0] as string);
  const which = models.length === 0 ? "nothing in it looks like one" : `one of ${models.slice(0, 10).join(", ")}`;
  throw new WkvError("bad-file", `${path} is a directory: give the model file inside it; ${which}.`);
}
