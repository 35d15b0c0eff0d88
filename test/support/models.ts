/** Models for tests of the engine as users import it: those that come with the project, and how they are loaded. */
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { type LoadOptions, loadModel, type Model, type ModelSource } from "wkv";
import { random } from "./random.ts";

/** The models and numbers that come with the project. */
export const committedFolder = fileURLToPath(new URL("../golden/data/synth", import.meta.url));

/** The path of a model that comes with the project. */
export function committed(file: string): string {
  return join(committedFolder, file);
}

/** One of each forward pass, all small. */
export const ONE_OF_EACH = ["s4.bf16.safetensors", "s52.f16.pth", "q6.pth", "q7.zip.pth"].map(committed);
/** 97 ids, two layers. */
export const SMALL = committed("q7.zip.pth");
export const SMALL_IDS = 97;

/** A model of fairy tales, trained, for tests alone. */
export const FAIRY = fileURLToPath(new URL("../models/fairy/fairy.safetensors", import.meta.url));

/** The same for all tests of a file: disposed of after them. */
export async function loadFairy(options: LoadOptions = {}): Promise<Model> {
  const model = await loadModel(FAIRY, { threads: 1, ...options });
  after(() => model.dispose());
  return model;
}

/** Loads with exact weights, on one thread unless more are asked for. */
export function load(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  return loadModel(source, { weights: "f32", threads: 1, ...options });
}

/** A vocabulary of `size` symbols, a character each, for models that come without one. */
export function symbols(size: number): Uint8Array {
  const lines = Array.from({ length: size }, (_, id) => symbol(id));
  return new TextEncoder().encode(lines.join("\n"));
}

export function symbol(id: number): string {
  return String.fromCodePoint(0x4e00 + id);
}

/** Token ids that are the same on every run. */
export function randomTokens(length: number, vocabSize: number, seed = 1): number[] {
  const next = random(seed);
  return Array.from({ length }, () => next(vocabSize));
}
