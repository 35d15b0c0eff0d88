import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { OWN_ADDRESS } from "./own-address.ts";

/** The models bundled with wkv, by the names `loadModel` accepts. */
const BUNDLED = { box: "../models/box/box.safetensors", fairy: "../models/fairy/fairy.safetensors" };

export type BundledName = keyof typeof BUNDLED;

/** Path of a bundled model; undefined for any other name, and if the installation lacks the model. */
export function bundledModel(name: BundledName | (string & {})): string | undefined {
  if (!Object.hasOwn(BUNDLED, name)) return undefined;
  const path = fileURLToPath(new URL(BUNDLED[name as BundledName], OWN_ADDRESS)); // from build/
  return existsSync(path) ? path : undefined;
}
