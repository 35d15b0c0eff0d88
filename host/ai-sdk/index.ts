/** Local models for the AI SDK: `import { wkv } from "wkv/ai-sdk"`. Works with `ai` 6 and 7. */

export { wkvEmbedding } from "./embedding-model.ts";
export { type WkvSettings, wkv } from "./language-model.ts";
export { createWkv } from "./provider.ts";
