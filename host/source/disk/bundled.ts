import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The models bundled with wkv, by the names `loadModel` accepts. */
const BUNDLED = { box: "../models/box/box.safetensors", fairy: "../models/fairy/fairy.safetensors" };

export type BundledName = keyof typeof BUNDLED;

/** Path of a bundled model; undefined for any other name, and if the installation lacks the model. */
export function bundledModel(name: BundledName | (string & {})): string | undefined {
  if (!Object.hasOwn(BUNDLED, name)) return undefined;
  const path = fileURLToPath(new URL(BUNDLED[name as BundledName], import.meta.url)); // from build/
  return existsSync(path) ? path : undefined;
}
