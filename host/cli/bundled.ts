import { isAbsolute, relative } from "node:path";
import { type BundledName, bundledModel } from "../source/disk/bundled.ts";

/** A prompt that the bundled story model can continue. */
export const BEGINNING = "Once upon a time";

/** Path of a bundled model, relative if that is shorter; undefined if the installation lacks it. */
export function bundledPath(name: BundledName): string | undefined {
  const path = bundledModel(name);
  if (!path) return undefined;
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") || isAbsolute(fromHere) ? path : fromHere;
}
