/** The package's entry points by the names of their files in build/; all but "index" are subpaths of "wkv". */
export const ENTRIES = {
  index: "host/index.ts",
  tokenizer: "host/tokenizer/index.ts",
  sampler: "host/sampling/index.ts",
  chat: "host/chat/index.ts",
  constraint: "host/constraint/index.ts",
  measure: "host/measure/index.ts",
  server: "host/server/index.ts",
  "ai-sdk": "host/ai-sdk/index.ts",
  langchain: "host/langchain/index.ts",
};
