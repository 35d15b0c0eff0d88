import type { ProviderV3 } from "@ai-sdk/provider";
import { WkvError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { wkvEmbedding } from "./embedding-model.ts";
import { type WkvSettings, wkv } from "./language-model.ts";

/**
 * A provider of the AI SDK for `createProviderRegistry` and `customProvider`.
 * @param models by the names that the program asks for
 * @example
 * const provider = createWkv({ box: model });
 * console.log(provider.languageModel("box").modelId);
 */
export function createWkv(models: Readonly<Record<string, Model>>, settings: WkvSettings = {}): ProviderV3 {
  /** @throws WkvError `not-found` */
  const named = (id: string): Model => {
    if (Object.hasOwn(models, id)) return models[id]!;
    throw new WkvError("not-found", `There is no model "${id}": the models are ${Object.keys(models).join(", ")}.`);
  };
  return {
    specificationVersion: "v3",
    languageModel: (id) => wkv(named(id), settings),
    embeddingModel: (id) => wkvEmbedding(named(id)),
    imageModel: () => {
      throw new WkvError("not-found", "RWKV models make no images.");
    },
  };
}
