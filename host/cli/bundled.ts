import { existsSync } from "node:fs";
import { isAbsolute, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** How a text begins that the model which comes with wkv can go on with: it has read fairy tales. */
export const BEGINNING = "Once upon a time";

/** Path of the model that comes with wkv; undefined where it was left out. */
export function bundledModel(): string | undefined {
  const path = fileURLToPath(new URL("../models/fairy/fairy.safetensors", import.meta.url));
  if (!existsSync(path)) return undefined;
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") || isAbsolute(fromHere) ? path : fromHere;
}
