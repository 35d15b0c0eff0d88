// Node, Deno and Bun only.
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { vocabularyNames } from "./names.ts";

/** The path of the vocabulary that lies beside a model file; undefined when there is none. */
export async function findVocabBeside(modelPath: string): Promise<string | undefined> {
  for (const name of vocabularyNames(modelPath)) {
    const path = join(dirname(modelPath), name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) return path;
  }
  return undefined;
}
