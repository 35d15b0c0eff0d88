import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The models that come with wkv, as `loadModel` takes their names. */
const BUNDLED = { box: "../models/box/box.safetensors", fairy: "../models/fairy/fairy.safetensors" };

export type BundledName = keyof typeof BUNDLED;

/** Path of a model that comes with wkv; undefined for any other name, and where the model was left out. */
export function bundledModel(name: BundledName | (string & {})): string | undefined {
  if (!Object.hasOwn(BUNDLED, name)) return undefined;
  const here: string | undefined = import.meta.url; // in build/; webpack reads `new URL(x, import.meta.url)` otherwise
  if (here === undefined) return undefined; // CommonJS that a bundler made
  const path = fileURLToPath(new URL(BUNDLED[name as BundledName], here));
  return existsSync(path) ? path : undefined;
}
