import { WkvError } from "../errors.ts";
import type { Source } from "../source/source.ts";
import { damaged, quoted } from "./damage.ts";

/** More files than any model is split into. */
export const MAX_PARTS = 1000;

const MAX_NAME = 255;

/**
 * Opens another file of the same model. Its name comes from a file that may be hostile, so it must be a plain name: no
 * folder, address or drive. It is closed with `source`.
 * @throws WkvError `bad-file` for any other name, and if no such file exists
 */
export async function openPart(source: Source, name: string): Promise<Source> {
  if (!isPlainName(name))
    throw damaged(source.name, `it names the part ${quoted(name)}, which is not a plain file name: fetch it again.`);
  if (!source.beside)
    throw new WkvError(
      "bad-file",
      `${source.name} is one part of a split model, and ${quoted(name)} cannot be located from it: ` +
        "give the path of the folder or of the first file instead of bytes.",
    );
  try {
    return await source.beside(name);
  } catch (error) {
    if (!(error instanceof WkvError && error.code === "not-found")) throw error;
    throw damaged(source.name, `its part ${quoted(name)} is not next to it: fetch all files of the model.`);
  }
}

function isPlainName(name: string): boolean {
  if (name === "" || name.length > MAX_NAME || name.startsWith(".")) return false;
  return !/[/\\:\0]/.test(name);
}
