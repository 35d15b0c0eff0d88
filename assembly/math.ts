// Elementary functions on four f32 lanes, built from IEEE operations in a fixed order: the same bits on every machine.
// Polynomials are minimax fits (Remez exchange, in float64, coefficients then rounded to f32). The error bounds stated
// here are checked over the functions' whole range by test/kernels/math.spec.ts.

// @ts-ignore: decorator
@inline function all(x: f32): v128 {
  return f32x4.splat(x);
}

/** 1.5 · 2^23: near it, the spacing of f32 is 1. */
const INTEGER: f32 = 12582912;

/**
 * x + INTEGER, which rounds |x| < 2^22 to the nearest integer, ties to even. Much shorter on x86 than `nearest` and a
 * NaN-aware conversion: the phases that mix and quantise activations take 40 % less time (`wkv bench`).
 */
// @ts-ignore: decorator
@inline export function addInteger(x: v128): v128 {
  return f32x4.add(x, all(INTEGER));
}

/** The result of addInteger as integers. */
// @ts-ignore: decorator
@inline export function integerOf(sum: v128): v128 {
  return i32x4.sub(sum, i32x4.splat(0x4b400000));
}

/**
 * e^x with a relative error of at most 1e-7 from −87.33 to 88.72; 0 below, where the result would soon be subnormal; +∞
 * from 88.73 on; NaN for NaN.
 * x = n·ln 2 + r with |r| ≤ ln 2 / 2; e^r = 1 + r + r²·P(r); 2^n enters through the exponent bits.
 */
// @ts-ignore: decorator
@inline export function exp(x: v128): v128 {
  // The limits keep n within an f32's exponents; n = 128 is reached by two steps of 2^64. pmin and pmax preserve NaN.
  const limited = f32x4.pmax(f32x4.pmin(x, all(89)), all(-88));
  const rounded = addInteger(f32x4.mul(limited, all(1.44269504)));
  const n = f32x4.sub(rounded, all(INTEGER));
  // ln 2 in two parts: the first has 9 significant bits, so n times it is exact.
  let r = f32x4.sub(limited, f32x4.mul(n, all(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, all(-2.1219444e-4)));
  let p = f32x4.add(f32x4.mul(all(0.0013814540579915047), r), all(0.00836874544620514));
  p = f32x4.add(f32x4.mul(p, r), all(0.04166838899254799));
  p = f32x4.add(f32x4.mul(p, r), all(0.1666652113199234));
  p = f32x4.add(f32x4.mul(p, r), all(0.4999999403953552));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), all(1));
  const i = integerOf(rounded);
  const half = i32x4.shr_s(i, 1);
  const y = f32x4.mul(f32x4.mul(p, power(half)), power(i32x4.sub(i, half)));
  return v128.andnot(y, f32x4.lt(x, all(-87.33)));
}

/** 2^n for −126 ≤ n ≤ 127 */
// @ts-ignore: decorator
@inline function power(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** 1 / (1 + e^−x), relative error at most 1.6e-7 from −87.33 on; 0 below −88.72, where e^−x is infinite. */
// @ts-ignore: decorator
@inline export function sigmoid(x: v128): v128 {
  return f32x4.div(all(1), f32x4.add(all(1), exp(f32x4.neg(x))));
}

/** x · sigmoid(x), relative error at most 2.1e-7 from −87.33 on; 0 below −88.72, NaN at −∞. */
// @ts-ignore: decorator
@inline export function silu(x: v128): v128 {
  return f32x4.mul(x, sigmoid(x));
}

/**
 * tanh x, relative error at most 1.6e-7. Below 0.625 an odd polynomial, because 1 − e^−2x would cancel there;
 * above it (1 − e^−2|x|) / (1 + e^−2|x|) with the sign of x.
 */
// @ts-ignore: decorator
@inline export function tanh(x: v128): v128 {
  const sign = v128.and(x, i32x4.splat(0x80000000));
  const a = f32x4.abs(x);
  const e = exp(f32x4.mul(a, all(-2)));
  const large = v128.or(f32x4.div(f32x4.sub(all(1), e), f32x4.add(all(1), e)), sign);
  const z = f32x4.mul(x, x);
  let p = f32x4.add(f32x4.mul(all(-0.005717045161873102), z), all(0.02065058797597885));
  p = f32x4.add(f32x4.mul(p, z), all(-0.05374349653720856));
  p = f32x4.add(f32x4.mul(p, z), all(0.13331490755081177));
  p = f32x4.add(f32x4.mul(p, z), all(-0.3333328366279602));
  const small = f32x4.add(x, f32x4.mul(f32x4.mul(p, z), x));
  return v128.bitselect(small, large, f32x4.lt(a, all(0.625)));
}

/** Sum of the four lanes, in a fixed order. */
// @ts-ignore: decorator
@inline export function lanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}
