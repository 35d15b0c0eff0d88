import { isAbsolute, relative } from "node:path";
import { bundledModel } from "../source/disk/bundled.ts";

/** A prompt that the bundled model can continue. */
export const BEGINNING = "Once upon a time";

/** Path of the bundled model, relative if that is shorter; undefined if the installation lacks it. */
export function bundledPath(): string | undefined {
  const path = bundledModel("box");
  if (!path) return undefined;
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") || isAbsolute(fromHere) ? path : fromHere;
}
