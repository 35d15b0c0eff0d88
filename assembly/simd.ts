// Which SIMD there is: the only file that asks. Branches on it fold away.

/** The build with relaxed SIMD; activations lie otherwise there (quantise.ts), weights the same. */
export const RELAXED: bool = ASC_FEATURE_RELAXED_SIMD;
