import { type LoadOptions, loadModel } from "../model/load.ts";
import type { Model } from "../model/model.ts";
import type { ModelSource } from "../source/open.ts";
import { modelSource } from "./model-argument.ts";
import type { ModelOptions } from "./options.ts";
import { statusLine } from "./output.ts";
import { progressLines } from "./progress.ts";

/** Loads a model, showing progress. */
export async function load(
  source: ModelSource,
  {
    quiet,
    vocab,
    weights,
    activations,
    threads,
    simd,
    embedding,
    groupNormEps,
    lora,
    loraAlpha,
    prefixCache,
  }: ModelOptions & Pick<LoadOptions, "prefixCache">,
  signal: AbortSignal,
): Promise<Model> {
  const status = statusLine(quiet);
  const text = progressLines("loading");
  const onProgress: LoadOptions["onProgress"] = (progress) => status.show(text(progress));
  try {
    const loras = lora?.map((each) => ({ ...each, alpha: loraAlpha })) ?? [];
    return await loadModel(modelSource(source), {
      vocab,
      weights,
      activations,
      threads,
      simd,
      embedding,
      groupNormEps,
      prefixCache,
      lora: loras,
      signal,
      onProgress,
    });
  } finally {
    status.clear();
  }
}
