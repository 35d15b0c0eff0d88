import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { WkvError } from "../../errors.ts";
import { chooseModel } from "../companions.ts";

/**
 * The path of the model file in a folder, such as a downloaded repository. Undefined if the path is not a folder.
 * @throws WkvError `bad-file` if it has no model, or more than one and none with a published name
 */
export async function modelFileIn(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined); // opening it will give the reason
  if (!found?.isDirectory()) return undefined;
  const choice = chooseModel(await readdir(path));
  if (choice.model !== undefined) return join(path, choice.model);
  const some = choice.candidates.slice(0, 10).join(", ");
  const which = some ? `one of ${some}` : "no file in it looks like one";
  throw new WkvError("bad-file", `${path} is a directory: give the model file inside it; ${which}.`);
}
