import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { OWN_ADDRESS } from "./own-address.ts";

/** Path of the bundled model, "box"; undefined for any other name, and if the installation lacks the model. */
export function bundledModel(name: string): string | undefined {
  if (name !== "box") return undefined;
  const path = fileURLToPath(new URL("../models/box/box.gguf", OWN_ADDRESS)); // from build/
  return existsSync(path) ? path : undefined;
}
