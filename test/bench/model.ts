// What benchmarks of texts run on: random weights of RWKV-7's 0.1B shape, with the World vocabulary where it is.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type LoadOptions, loadModel, type Model } from "wkv";
import { goldenFolder } from "../support/missing.ts";
import { ensureModel } from "./peers/model.ts";

const MODEL = fileURLToPath(new URL("../../.wkv-cache/peers/rwkv7-0.1b-q8_0.gguf", import.meta.url));
const WORLD = join(goldenFolder, "tokenizer/rwkv_vocab_v20230424.txt");

/** @param file another model, with its own vocabulary */
export async function benchModel(file: string | undefined, options: LoadOptions = {}): Promise<Model> {
  if (file !== undefined) return loadModel(file, options);
  ensureModel(MODEL, "Q8_0");
  return loadModel(MODEL, { ...(existsSync(WORLD) && { vocab: readFileSync(WORLD) }), ...options });
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}
