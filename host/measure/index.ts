/** Measurements of a loaded model: `import { perplexity } from "wkv/measure"`. */
export { type BenchmarkOptions, type BenchmarkResult, benchmark, type Spread } from "./benchmark.ts";
export { type Comparison, type Perplexity, type PerplexityOptions, perplexity, type Score } from "./perplexity.ts";
export { zeroShare } from "./sparsity.ts";
