import { readFile, stat } from "node:fs/promises";
import { WkvError } from "../errors.ts";
import { MAX_VOCAB_BYTES } from "./fetch.ts";

/**
 * A vocabulary file of this machine. Node, Deno and Bun only.
 * @throws WkvError `not-found` when there is no such file, `bad-vocab` when it is too large to be a vocabulary
 */
export async function readVocabFile(path: string | URL): Promise<Uint8Array> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw new WkvError("not-found", `${path} is a directory: give a vocabulary file in it.`);
    if (found.size > MAX_VOCAB_BYTES)
      throw new WkvError("bad-vocab", `${path} has ${found.size} bytes: that is no vocabulary. Is it a model?`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof WkvError) throw error;
    throw new WkvError(
      "not-found",
      `the vocabulary ${path} cannot be read (${(error as Error).message}): ` +
        'give a file, an address, or one of the names "world", "pile" and "bytes".',
      { cause: error },
    );
  }
}
