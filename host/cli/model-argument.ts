import { existsSync } from "node:fs";
import { bundledModel } from "../source/disk/bundled.ts";
import { isAddress } from "../source/net/address.ts";
import { UsageError } from "./failure.ts";

const MODEL_FILE = /\.(?:pth|pt|safetensors|st|gguf|bin|json)$/i;

/**
 * Whether an argument names a model: an existing file or folder, a bundled model, an address, or a name that looks like
 * a model file.
 * @throws UsageError for ORG/REPO without `hf:`
 */
export function namesModel(argument: string): boolean {
  if (bundledModel(argument) || existsSync(argument) || isAddress(argument) || MODEL_FILE.test(argument)) return true;
  if (/^[\w.-]+\/[\w.-]+$/.test(argument))
    throw new UsageError(`there is no file ${argument}; for a repository on Hugging Face write hf:${argument}.`);
  return false;
}
