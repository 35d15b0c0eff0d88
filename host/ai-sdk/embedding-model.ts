import type { EmbeddingModelV3 } from "@ai-sdk/provider";
import { embed } from "../model/embed.ts";
import type { Model } from "../model/model.ts";

/** OpenAI's number. */
const MAX_VALUES = 2048;

/**
 * An embedding model of the AI SDK, specification v3: the hidden state at a text's last token, of length 1. RWKV models
 * are not trained for it: it compares texts roughly.
 * @param model the caller disposes of it
 * @example
 * const { embeddings } = await wkvEmbedding(model).doEmbed({ values: ["a king", "a queen"] }); // embedMany() of "ai" calls this
 * console.log(embeddings.length);
 */
export function wkvEmbedding(model: Model): EmbeddingModelV3 {
  return {
    specificationVersion: "v3",
    provider: "wkv",
    modelId: model.info.name,
    maxEmbeddingsPerCall: MAX_VALUES,
    supportsParallelCalls: true,
    async doEmbed({ values, abortSignal }) {
      const texts = values.map((value) => model.tokenizer.encode(value));
      const embeddings: number[][] = [];
      for (const tokens of texts) embeddings.push([...(await embed(model, tokens, abortSignal))]);
      const tokens = texts.reduce((sum, { length }) => sum + length, 0);
      return { embeddings, usage: { tokens }, warnings: [] };
    },
  };
}
