import { isAbsolute, relative } from "node:path";
import { type BundledName, bundledModel } from "../source/disk/bundled.ts";

/** How a text begins that the story teller which comes with wkv can go on with. */
export const BEGINNING = "Once upon a time";

/** Path of a model that comes with wkv, as short as it can be from here; undefined where it was left out. */
export function bundledPath(name: BundledName): string | undefined {
  const path = bundledModel(name);
  if (!path) return undefined;
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") || isAbsolute(fromHere) ? path : fromHere;
}
