/** The tokenizers on their own: `import { loadTokenizer } from "wkv/tokenizer"`. */

export { WkvError, type WkvErrorCode } from "../errors.ts";
export { type LoadTokenizerOptions, loadTokenizer, type TokenizerSource } from "./load.ts";
export type { TokenStream } from "./stream.ts";
export type { Tokenizer } from "./tokenizer.ts";
