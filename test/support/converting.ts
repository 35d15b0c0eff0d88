/** Conversions into a folder that is removed afterwards. */
import { join } from "node:path";
import { type ConvertOptions, convertModel, loadModel, type ModelSource } from "wkv";
import { randomTokens, SMALL_IDS } from "./models.ts";
import { tempFolder } from "./temp-folder.ts";

export const folder = tempFolder("convert");

export const TOKENS = randomTokens(40, SMALL_IDS);

export async function logitsOf(source: ModelSource, weights?: "f32" | "int8" | "int4"): Promise<Float32Array> {
  const model = await loadModel(source, { threads: 2, vocab: null, ...(weights && { weights }) });
  try {
    return await model.createSession().feed(TOKENS.map((token) => token % model.info.vocabSize));
  } finally {
    await model.dispose();
  }
}

export async function convert(source: ModelSource, name: string, options: ConvertOptions = {}): Promise<string> {
  const path = join(folder, name);
  await convertModel(source, path, { vocab: null, threads: 2, ...options });
  return path;
}
