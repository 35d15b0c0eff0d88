/** RWKV language models on any processor that runs WebAssembly. */

export type { WeightFormat } from "./checkpoint/weight-formats.ts";
export type { Constraint, ConstraintSource, JsonSchema } from "./constraint/index.ts";
export { convertModel } from "./convert/convert.ts";
export type { Converted, ConvertOptions } from "./convert/options.ts";
export type { Head } from "./engine/head-cuts.ts";
export type { Simd } from "./engine/platform.ts";
export type { StateTensor } from "./engine/state-layout.ts";
export { WkvError, type WkvErrorCode } from "./errors.ts";
export type { Perplexity, PerplexityOptions, Score } from "./measure/perplexity.ts";
export { type LoadOptions, loadModel } from "./model/load.ts";
export type { LoraOptions } from "./model/lora.ts";
export type { Model, ModelInfo, SessionOptions } from "./model/model.ts";
export { PRESETS, type Preset, type SamplerOptions, type TokenLogprob } from "./sampling/index.ts";
export type { Piece, StopReason } from "./session/generate.ts";
export type { InspectOptions, TokenInspection } from "./session/inspection.ts";
export type { Mark } from "./session/mark.ts";
export type { FeedOptions, GenerateOptions, Guidance, Session } from "./session/session.ts";
export type { Streamed, Streams } from "./session/streams.ts";
export type { Usage } from "./session/usage.ts";
export { cachedModels, deleteCachedModel } from "./source/cache/open-store.ts";
export type { CachedModel } from "./source/cache/store.ts";
export type { ModelSource } from "./source/open.ts";
export type { Progress } from "./source/progress.ts";
export type { CustomSource } from "./source/source.ts";
export type { PrefixCacheOptions, PrefixCacheStats } from "./state/prefix-cache.ts";
export type { TokenStream } from "./tokenizer/stream.ts";
export type { Tokenizer } from "./tokenizer/tokenizer.ts";
