import { existsSync } from "node:fs";
import { WkvError } from "../errors.ts";
import { bundledModel } from "../source/disk/bundled.ts";
import { isAddress } from "../source/net/address.ts";
import { catalogued, sourceOf } from "./catalogue.ts";
import { UsageError } from "./failure.ts";

const REPOSITORY = /^[\w.-]+\/[\w.-]+$/;
const MODEL_FILE = /\.(?:pth|pt|safetensors|st|gguf|bin|json)$/i;

/**
 * Whether an argument names a model: a file or folder that is there, a bundled or published model by its name, an address, or a name that ends like one.
 * @throws UsageError for ORG/REPO without `hf:`
 */
export function namesModel(argument: string): boolean {
  if (isKnown(argument) || MODEL_FILE.test(argument)) return true;
  if (REPOSITORY.test(argument)) throw new UsageError(noFile(argument));
  return false;
}

/**
 * What to load for the argument MODEL.
 * @throws WkvError `not-found` for a repository without `hf:`, and for a word that is not the name of a model
 */
export function modelSource<T>(argument: T): T | string {
  if (typeof argument === "string" && !isKnown(argument)) {
    if (REPOSITORY.test(argument)) throw new WkvError("not-found", noFile(argument));
    if (/^[\w-]+$/.test(argument))
      throw new WkvError("not-found", `there is no file ${argument} and no model of this name: see wkv list.`);
  }
  return sourceOf(argument);
}

function isKnown(argument: string): boolean {
  return Boolean(bundledModel(argument) || catalogued(argument) || existsSync(argument) || isAddress(argument));
}

function noFile(repository: string): string {
  return `there is no file ${repository}; for a repository on Hugging Face write hf:${repository}.`;
}
