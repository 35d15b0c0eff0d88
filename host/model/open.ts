import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { openCheckpoint, openModelFile } from "../checkpoint/open.ts";
import { DEFAULT_WEIGHTS } from "../checkpoint/weight-formats.ts";
import type { PlanOptions } from "../engine/plan.ts";
import { WkvError } from "../errors.ts";
import type { Recipe } from "../models/recipe.ts";
import { recogniseModel } from "../models/recognise.ts";
import { checkNames } from "../options/names.ts";
import { HUB_OPTIONS, type HubOptions } from "../source/net/hub.ts";
import type { ModelSource } from "../source/open.ts";
import type { Source } from "../source/source.ts";
import { checkLoras, type LoraOptions, type OpenLora, openLora } from "./lora.ts";

/** How a model's files are opened, for any purpose. */
export interface OpenOptions {
  /** LoRAs to merge into the weights, in this order. */
  lora?: readonly LoraOptions[];
  /** Folder of downloaded files. Default: `wkv` in the user's cache directory (XDG). */
  cacheDir?: string;
  /** The hub that `hf:` refers to, and its token. Default: HF_ENDPOINT and HF_TOKEN. */
  hub?: HubOptions;
  signal?: AbortSignal;
}

export const OPEN_OPTIONS = { lora: true, cacheDir: true, hub: true, signal: true } as const satisfies Record<
  keyof OpenOptions,
  true
>;

/** The open files of a model and of the LoRAs to be merged into it. */
export interface ModelFiles {
  readonly file: Source;
  readonly loras: readonly OpenLora[];
  /** The model's file stays open after the work. */
  keep(): void;
}

/** Opens a model and its LoRAs, and closes them after the work. */
export async function withFiles<T>(
  source: ModelSource,
  options: OpenOptions,
  work: (files: ModelFiles) => Promise<T>,
): Promise<T> {
  const { lora = [] } = options;
  checkLoras(lora);
  if (options.hub !== undefined) checkNames(options.hub, HUB_OPTIONS, "hub");
  options.signal?.throwIfAborted();
  const file = await openModelFile(source, options);
  const loras: OpenLora[] = [];
  let isKept = false;
  const keep = () => {
    isKept = true;
  };
  try {
    for (const each of lora) loras.push(await openLora(each));
    return await work({ file, loras, keep });
  } finally {
    await Promise.all([...(isKept ? [] : [file]), ...loras.map((each) => each.file)].map((each) => each.close()));
  }
}

/** A model whose directory has been read. */
export interface OpenModel {
  readonly file: Source;
  readonly checkpoint: Checkpoint;
  readonly recipe: Recipe;
}

export async function readModel({ file, loras }: Omit<ModelFiles, "keep">): Promise<OpenModel> {
  const checkpoint = await openCheckpoint(file);
  const recipe = recogniseModel(checkpoint, file.name, loras);
  if (checkpoint.packed && loras.length > 0)
    throw new WkvError("unsupported-model", `${file.name} is packed: LoRAs are merged into the original model only.`);
  return { file, checkpoint, recipe };
}

/**
 * The options of a plan, with the file's own values as defaults. @throws WkvError `unsupported-model` on contradiction
 */
export function planOptions(
  { file, checkpoint: { packed }, recipe }: OpenModel,
  options: Partial<Omit<PlanOptions, "activations8">> & { threads: number; activations?: "int8" | undefined },
): PlanOptions {
  const { threads, embedding, small, weights = packed?.weights ?? DEFAULT_WEIGHTS } = options;
  if (packed && weights !== packed.weights)
    throw new WkvError(
      "unsupported-model",
      `${file.name} is packed as ${packed.weights}, not as ${weights}: leave out the weight format, or load the original ` +
        "model.",
    );
  const groupNormEps = options.groupNormEps ?? packed?.groupNormEps ?? recipe.groupNormEps;
  return { threads, weights, groupNormEps, embedding, small, activations8: options.activations === "int8" };
}
