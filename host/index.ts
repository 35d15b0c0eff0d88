/** RWKV language models on any processor that runs WebAssembly. */

export type { Constraint, ConstraintSource, JsonSchema } from "./constraint/index.ts";
export { WkvError, type WkvErrorCode } from "./errors.ts";
export type { GenerateOptions, Piece, StopReason } from "./generate.ts";
export type { ModelSource } from "./input.ts";
export type { Progress } from "./loader.ts";
export { type LoadOptions, loadModel, type Model, type ModelInfo } from "./model.ts";
export type { Perplexity, PerplexityOptions, Score } from "./perplexity.ts";
export type { Session } from "./session.ts";
export type { CustomSource } from "./source.ts";
export type { Tokenizer, TokenStream } from "./tokenizer/tokenizer.ts";
