import { WkvError } from "../errors.ts";
import type { Source } from "../source/source.ts";
import { damaged, quoted } from "./damage.ts";

/** More files than any model is cut into. */
export const MAX_PARTS = 1000;

const MAX_NAME = 255;

/**
 * Opens another file of the same model. Its name comes out of a file that may be hostile, so it must be a plain one: no
 * folder, no address, no drive. It is closed with `source`.
 * @throws WkvError `bad-file` for any other name and when nothing of that name is there
 */
export async function openPart(source: Source, name: string): Promise<Source> {
  if (!isPlainName(name))
    throw damaged(source.name, `it names ${quoted(name)} as a part, which is no plain file name: fetch it again.`);
  if (!source.beside)
    throw new WkvError(
      "bad-file",
      `${source.name} is one part of a model in several files, and ${quoted(name)} cannot be found from it: ` +
        "give the path of the folder or of the first file instead of its bytes.",
    );
  try {
    return await source.beside(name);
  } catch (error) {
    if (!(error instanceof WkvError && error.code === "not-found")) throw error;
    throw damaged(source.name, `its part ${quoted(name)} is not beside it: fetch all files of the model.`);
  }
}

function isPlainName(name: string): boolean {
  if (name === "" || name.length > MAX_NAME || name.startsWith(".")) return false;
  return !/[/\\:\0]/.test(name);
}
