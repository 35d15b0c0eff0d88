/** Models for the AI SDK, in the same process: `import { wkv } from "wkv/ai-sdk"`. Serves `ai` 6 and 7. */

export { wkvEmbedding } from "./embedding-model.ts";
export { type WkvSettings, wkv } from "./language-model.ts";
export { createWkv } from "./provider.ts";
