/** RWKV language models on any processor that runs WebAssembly. */

export type { Constraint, ConstraintSource, JsonSchema } from "./constraint/index.ts";
export { type Converted, type ConvertOptions, convertModel } from "./convert.ts";
export { WkvError, type WkvErrorCode } from "./errors.ts";
export type { GenerateOptions, Piece, StopReason } from "./generate.ts";
export type { Guidance } from "./guidance.ts";
export type { ModelSource } from "./input.ts";
export type { Progress } from "./loader.ts";
export type { LoraOptions } from "./lora.ts";
export type { Mark } from "./mark.ts";
export { type LoadOptions, loadModel, type Model, type ModelInfo, type SessionOptions } from "./model.ts";
export type { Perplexity, PerplexityOptions, Score } from "./perplexity.ts";
export type { PrefixCacheOptions, PrefixCacheStats } from "./prefix-cache.ts";
export { PRESETS, type Preset, type SamplerOptions, type TokenLogprob } from "./sampler.ts";
export type { FeedOptions, Session } from "./session.ts";
export type { CustomSource } from "./source.ts";
export type { Tokenizer, TokenStream } from "./tokenizer/tokenizer.ts";
export type { Usage } from "./usage.ts";
